// Preloaded by start.mjs into `paperfleet up`: when the starting process vanishes (kill -9, closed container), the cluster,
// which runs in a process group of its own, would stay behind and hold the port. Losing the channel asks it to stop.

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
