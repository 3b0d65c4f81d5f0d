export {
  type Claim,
  DirectoryQueue,
  mostAttempts,
  type QueueCounts,
  type TaskRecord,
} from "./directoryQueue.js";
export { type Drained, type DrainOptions, drain, type Ran, type Runner } from "./drain.js";
export { type Plan, parsePlan, planText, type Task, taskId } from "./plan.js";
export { dispatchOnRedis, workOnRedis } from "./redis.js";
export { type SlurmOptions, slurmScript } from "./slurm.js";
