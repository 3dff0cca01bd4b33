/**
 * Natural logarithm and exponential from IEEE additions, multiplications and divisions alone. The standard lets engines
 * approximate Math.log and Math.exp as they like; these give the same bits everywhere. Error: below 2 ulp.
 */
const LN2_HIGH = 0.6931471803691238; // the leading 33 bits of ln 2, so that k × LN2_HIGH is exact
const LN2_LOW = 1.9082149292705877e-10; // the rest
const scratch = new DataView(new ArrayBuffer(8));

/** ln x for x > 0; NaN below, -Infinity at 0. */
export function ln(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : Number.NaN;
  if (x === Infinity) return x;
  let exponent = 0;
  let value = x;
  if (value < 2.2250738585072014e-308) {
    value *= 18014398509481984; // 2^54: makes a subnormal normal
    exponent = -54;
  }
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  exponent += (high >>> 20) - 1023;
  scratch.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let mantissa = scratch.getFloat64(0); // in [1, 2)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  // ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.1716
  const s = (mantissa - 1) / (mantissa + 1);
  const z = s * s;
  let series = 0;
  for (let k = 23; k >= 3; k -= 2) series = z * (1 / k + series);
  return exponent * LN2_HIGH + (2 * s + (2 * s * series + exponent * LN2_LOW));
}

/** e^x; 0 below about -745, Infinity above about 709.8. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019411) return 0;
  const k = Math.round(x / Math.LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW; // |r| <= ln 2 / 2
  let series = 1;
  for (let n = 14; n >= 1; n--) series = 1 + (r / n) * series;
  return scale(series, k);
}

/** value × 2^k without Math.pow. */
function scale(value: number, k: number): number {
  if (k < -1000) return scale(value * 9.332636185032189e-302, k + 1000); // 2^-1000: in two steps, so that the result may be subnormal
  if (k > 1000) return scale(value * 1.0715086071862673e301, k - 1000); // 2^1000
  scratch.setUint32(0, (k + 1023) << 20);
  scratch.setUint32(4, 0);
  return value * scratch.getFloat64(0);
}
