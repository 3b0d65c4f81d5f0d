import { configureGlobal } from "fast-check";

/** Every run tries the same random problems, so that a change and its parent are judged alike; PULLBACK_SEED=$RANDOM npm test tries others. */
configureGlobal({ seed: Number(process.env.PULLBACK_SEED ?? 1) });
