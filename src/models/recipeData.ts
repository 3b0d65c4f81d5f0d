import type { Data } from "../nn/index.js";
import type { RecipeOptions, TrainingPicture } from "./recipe.js";
import { type RecipeName, recipes } from "./trainModel.js";

/** What a thread needs to make the batches of a recipe. */
export interface RecipeDataArgument {
  readonly name: RecipeName;
  readonly pictures: readonly TrainingPicture[];
  readonly held: readonly TrainingPicture[];
  readonly options: RecipeOptions;
}
/** For `ahead`: the batches of a recipe. */
export const data = async ({ name, pictures, held, options }: RecipeDataArgument): Promise<Data<unknown>> =>
  (await recipes[name].plan(pictures, held, options)).data as Data<unknown>;
