export interface Rng {
  u32(): number;
  below(bound: number): number;
  chance(numerator: number, denominator: number): boolean;
  readonly draws: number;
}
