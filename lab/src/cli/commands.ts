/** The table of all sub-commands, in the order of the help. A new one is a module with a `Command` and a line here. */
import { replayCommand } from '../run/replay-command.ts';
import { runCommand } from '../run/run-command.ts';
import { agentCommand } from '../up/agent-command.ts';
import { upCommand } from '../up/up-command.ts';
import type { Command } from './command.ts';
import { activateCommand, cordonCommand, drainCommand, loadCommand, rmCommand, scaleCommand } from './verbs/change.ts';
import { healCommand, killCommand, partitionCommand, recoverCommand } from './verbs/disturb.ts';
import { eventsCommand, whyCommand } from './verbs/explain.ts';
import { deployCommand, validateCommand } from './verbs/files.ts';
import { digestCommand, nodesCommand, psCommand, runsCommand, servicesCommand, statusCommand } from './verbs/look.ts';
import { forkCommand, pauseCommand, resumeCommand, rewindCommand, speedCommand, stepCommand } from './verbs/time.ts';

export const COMMANDS: readonly Command[] = [
  upCommand,
  agentCommand,
  statusCommand,
  servicesCommand,
  psCommand,
  nodesCommand,
  eventsCommand,
  whyCommand,
  digestCommand,
  deployCommand,
  scaleCommand,
  loadCommand,
  rmCommand,
  drainCommand,
  cordonCommand,
  activateCommand,
  killCommand,
  recoverCommand,
  partitionCommand,
  healCommand,
  pauseCommand,
  resumeCommand,
  speedCommand,
  stepCommand,
  rewindCommand,
  forkCommand,
  runsCommand,
  validateCommand,
  runCommand,
  replayCommand,
];
