export { CgroupTree, type CgroupMachine, ROOT } from './tree.ts';
export type { SavedTree } from './saved-tree.ts';
export type { CgroupKnobs, CpuMax, IoMax } from './knobs.ts';
export { type CpuFidelity, STEADY_AFTER_US, TICK_US } from './cpu.ts';
export type { MemoryOutcome, OomKill, ReadOutcome } from './memory.ts';
export type { IoDevice, IoRequest } from './io.ts';
export { formatAverage, fileNames } from './files.ts';
export { nextAverage, PRESSURE_WINDOW_US } from './pressure.ts';
export { sharesOfMilliCpu, weightOfShares, type WeightCurve } from './weight.ts';
