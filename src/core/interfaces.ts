/**
 * The shapes by which parts know each other. Folders of one row of the layer table meet only here: a motion operator takes a
 * Transform, a joint problem takes an Iteration, a network is Parametric like a transform.
 */
import type { DType } from "../tensor/storage.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Shape } from "./shape.js";

/** Named tensors: what an optimiser changes and a file stores. */
export type Parameters = Readonly<Record<string, Tensor>>;
/** What an optimiser moves: one tensor, or several by name. */
export type Variables = Tensor | Parameters;
/** A thing with parameters. `with` gives the same thing with others; nothing is changed in place. */
export interface Parametric<Self = unknown> {
  /** What optimisers move and files keep. */
  readonly parameters: Parameters;
  /** The same with other parameters. */
  with(parameters: Parameters): Self;
}
export interface Module<In, Out, Self = unknown> extends Parametric<Self> {
  /** Its output. */
  forward(input: In): Out;
}
/** Anybody's first guess: the identity, moments, features, a network. */
export type Estimator<Problem, X> = (problem: Problem) => X;

// Space

/**
 * Where an image's samples lie in space: point = origin + direction · (spacing ∘ index). Arrays are in the order x, y(, z); points are
 * LPS millimetres (ITK). Plain pictures have spacing 1, origin 0 and the identity as direction.
 */
export interface Grid {
  /** Samples along x, y (and z). */
  readonly size: readonly number[];
  /** Distance of samples along each axis, mm. */
  readonly spacing: readonly number[];
  /** The place of the first sample, mm. */
  readonly origin: readonly number[];
  /** Row-major, one column per image axis. */
  readonly direction: readonly number[];
}
/** Values on a grid: [c, z, y, x] or [c, y, x], x fastest. */
export interface Image {
  /** Numbers [c, (z,) y, x]. */
  readonly values: Tensor;
  /** Where the samples lie. */
  readonly grid: Grid;
}
/** The name of a space that points live in, and the grid that was used there when one is known. */
export interface Space {
  /** What it is called. */
  readonly name: string;
  /** Where it is sampled, if that is known. */
  readonly grid?: Grid;
}
/** The transforms that a file can hold, by the word that stands in it. */
export type TransformKind =
  | "affine"
  | "homography"
  | "displacement"
  | "bspline"
  | "thinPlateSpline"
  | "velocity"
  | "timeVelocity"
  | "composite";
/**
 * A map of points of one space to points of another, in LPS millimetres: y = apply(x). A registration's transform maps fixed points to
 * moving points, which is what pulling the moving image back needs: warped(p) = moving(y(p)).
 */
export interface Transform {
  /** Which of the alternatives this is. */
  readonly kind: TransformKind;
  /** 2 or 3. */
  readonly dimension: number;
  /** The space of the points it takes. */
  readonly from: Space;
  /** The space of the points it gives. */
  readonly to: Space;
  /** Points [n, d] ↦ points [n, d]; differentiable in the points and in the transform's parameters. */
  apply(points: Tensor): Tensor;
  /** The map back. Exact for affine maps; otherwise the transform's own stored inverse, or a fixed-point inverse that states its error. */
  inverse(): Transform;
  /** this ∘ inner: first inner, then this. */
  compose(inner: Transform): Transform;
  /** y(p) − p in millimetres at the samples of a grid, planes [d, (z,) y, x]. */
  displacement(grid: Grid): Tensor;
  /** y(p + w(p)) − (p + w(p)) at the samples of a grid, where there is a faster way than `apply`: what a composition needs of its later parts. */
  displacementAt?(grid: Grid, w: Tensor): Tensor;
}
/**
 * A family of deformations y(θ), for the general path  min over θ  D(M ∘ A ∘ y(θ), F) + α S(y(θ)),  A the linear map found before.
 * The grid is that of a level: parameters belong to it, and `start` brings those of a coarser one over.
 */
export interface TransformFamily {
  /** What it is called. */
  readonly name: string;
  /** θ of the identity on a level's grid, or the θ whose transform is (nearest to) an earlier level's. */
  start(grid: Grid, earlier?: { readonly parameters: Parameters; readonly grid: Grid }): Parameters;
  /**
   * y(p) − p in mm at the samples of `at` (default: of the level's grid), planes [d, (z,) y, x]; differentiable in θ, by coarse primitives.
   * @param grid  the grid that the parameters belong to
   */
  displacement(parameters: Parameters, grid: Grid, at?: Grid): Tensor;
  /** The transform with these parameters; its inverse is its own, or stored with the error that it has. */
  transform(parameters: Parameters, grid: Grid, from: Space, to: Space): Transform;
  /** Where S is summed: a coarser grid where y is smooth between its parameters. Default: the level's grid. */
  regularisationGrid?(grid: Grid): Grid;
  /** What S sees, where that is not the displacement: a velocity field is regularised itself. mm, planes on `regularisationGrid`. */
  regularised?(parameters: Parameters, grid: Grid, at: Grid): Tensor;
  /** S in θ itself, where it has a closed form for a regulariser of that name; undefined: it is summed over samples. */
  closedForm?(regulariser: string, parameters: Parameters, grid: Grid): Tensor | undefined;
  /** y can fold (nothing in how it is made prevents it): the general path then puts up a barrier and smooths what is left of folds. */
  readonly folds?: boolean;
  /** The same parameters, smoother near places where y folds: weights of 0 to 1, [1, (z,) y, x] on a grid of their own. */
  smoothed?(parameters: Parameters, grid: Grid, weights: Tensor, at: Grid): Parameters;
  /** P⁻¹ for descents: gradient ↦ direction, symmetric positive definite. */
  precondition?(gradient: Parameters, grid: Grid): Parameters;
  /** The shortest length in mm over which y bends when a level has this grid: it gives weights in mm² their default. Default: two voxels. */
  bendsOver?(grid: Grid): number;
  /** Bytes that are alive at most on a level, of parameters, fields and what their derivatives keep; for the prediction. */
  bytes?(grid: Grid): number;
}

// The symbols of the two equations

/** Where to look: weights on the grid of each image; 0 means nothing is known there. */
export interface Masks {
  /** On the fixed grid. */
  readonly fixed?: Tensor;
  /** The moving mask, warped. */
  readonly warped?: Tensor;
}
/** D(W, F), a scalar; smaller is more alike. */
export interface Metric {
  /** D(W, F): a scalar, smaller is more alike. */
  value(warped: Image, fixed: Image, masks?: Masks): Tensor;
}
/** D = ½‖r‖², so that Gauss–Newton applies. */
export interface LeastSquaresMetric extends Metric {
  /** r with D = ½ ‖r‖². */
  residual(warped: Image, fixed: Image, masks?: Masks): Tensor;
}
/** S(y) or R(x). */
export interface Regulariser<T> {
  /** S(y): a scalar. */
  value(y: T, grid: Grid): Tensor;
}
/**
 * A*A = U* diag(values) U with U unitary (or real data's half of a Fourier transform): a closed form for (A*A + ρ)⁻¹, and for sums of operators of
 * one basis. Two operators have the same U exactly when they have the same `basis`.
 */
export interface Diagonalisation {
  /** In which the operator is diagonal. */
  readonly basis: string;
  /** The eigenvalues of A*A, in the precision of a type: real, not negative, of a shape that stretches to that of U x. */
  values(dtype: DType): Tensor;
  /** U x. */
  analyse(x: Tensor): Tensor;
  /** U* z. */
  synthesise(z: Tensor): Tensor;
}
/** A, with ⟨Ax, y⟩ = ⟨x, A*y⟩; real or complex on either side. Both directions are differentiable. */
export interface LinearOperator {
  /** Shape of what it takes. */
  readonly domain: Shape;
  /** Shape of what it gives. */
  readonly range: Shape;
  /** What the numbers are on each side; f32 where nothing is said. */
  readonly domainType?: DType;
  /** Type of what it gives; default that of what it takes. */
  readonly rangeType?: DType;
  /** A x. */
  apply(x: Tensor): Tensor;
  /** A* y. */
  adjoint(y: Tensor): Tensor;
  /** A*A x, where that is cheaper than the two. */
  normal?(x: Tensor): Tensor;
  /** ‖A‖, the largest singular value. */
  norm?(): number;
  /** A multiplies each sample by its own real number: these, or the same for all. */
  readonly diagonal?: number | Tensor;
  /** (A*A + ρ)⁻¹ b, where that has a closed form (masks, convolutions, Fourier samples). */
  normalInverse?(b: Tensor, rho: number): Tensor;
  /** Where A*A is diagonal in a known basis. */
  readonly diagonalisation?: Diagonalisation;
  /** A*A = AA* = 1: R(Ax) has the prox A* ∘ prox_R ∘ A. */
  readonly unitary?: boolean;
}
/** R(x), a scalar; with `prox`, `gradient` or `conjugateProx` where it has them: solvers ask for what they need by type. */
export interface Functional {
  /** R(x): a scalar. */
  value(x: Tensor): Tensor;
  /** Present when it is ½ Σ wᵢ |xᵢ − yᵢ|² and nothing else: what solvers of linear systems need to know. Data y default 0, weights w 1. */
  readonly quadratic?: {
    /** The measured data d. */
    readonly data?: Tensor;
    /** How much each counts. */
    readonly weights?: Tensor;
  };
}
/** A functional with a slope: ∇R(x), in the shape of x. */
export interface Differentiable {
  /** ∇R(x), in the shape of x. */
  gradient(x: Tensor): Tensor;
  /** A Lipschitz constant of the gradient, when one is known. */
  readonly lipschitz?: number;
}
/** prox_{tR}(v) = argmin over x of ½‖x − v‖² + t R(x). */
export interface Proximable {
  /** argmin over x of ½‖x − v‖² + t R(x). */
  prox(v: Tensor, t: number | Tensor): Tensor;
}
/** R*(p) = sup over x of ⟨p, x⟩ − R(x), for duality gaps: +∞ outside its domain. */
export interface Conjugable {
  /** R*(p) = sup over x of ⟨p, x⟩ − R(x). */
  conjugate(p: Tensor): number;
}
/** How far z = Ax is from the data y: ½‖z − y‖² and its relatives, as a functional of z. */
export interface Fidelity extends Functional, Partial<Proximable>, Partial<Differentiable>, Partial<Conjugable> {
  /** y, what was measured. */
  readonly data: Tensor;
}
/** One term λ R(Kx) of an objective; without `operator`, K is the identity. */
export interface PriorTerm {
  /** λ of this term. */
  readonly weight: number;
  /** f in λ f(K x). */
  readonly functional: Functional & Partial<Proximable> & Partial<Differentiable> & Partial<Conjugable>;
  /** K; default the identity. */
  readonly operator?: LinearOperator;
}
/** R as people name it; what it is made of depends on the shape of x. Solvers see the terms; fast ways ask for a prior's own type. */
export interface Prior {
  /** What it is called. */
  readonly name: string;
  /** R(x), a scalar. */
  value(x: Tensor): Tensor;
  /** λ R(x) = Σ λᵢ Rᵢ(Kᵢ x). */
  terms(shape: Shape, lambda: number): readonly PriorTerm[];
}
/** min over x of F(Ax) + Σ λᵢ Rᵢ(Kᵢ x). */
export interface InverseProblem {
  /** A, from images to data. */
  readonly operator: LinearOperator;
  /** D(·, d). */
  readonly fidelity: Fidelity;
  /** Σ λᵢ fᵢ(Kᵢ x). */
  readonly terms: readonly PriorTerm[];
}

// What optimisers see

/** J(x), a scalar tensor made by differentiable operations. The other members are faster ways to what could be derived from it. */
export interface Objective<X extends Variables = Variables> {
  /** The value at x. */
  value(x: X): Tensor;
  /** Value and slope in one go. */
  valueAndGrad?(x: X): { readonly value: number | Tensor; readonly gradient: X };
  /** ∇²J(x) d. */
  hvp?(x: X, direction: X): X;
}
/** J(x) = ½‖r(x)‖². */
export interface LeastSquaresObjective<X extends Variables = Variables> {
  /** r with ½ ‖r‖² to be minimised. */
  residual(x: X): Tensor;
  /** ½ ‖r‖², where it is cheaper than r. */
  value?(x: X): number | Tensor;
}
/** J(x) with its gradient Jᵀr and its Gauss–Newton matrix JᵀJ, row-major n × n, however they were had: a fused kernel sums them in one pass. */
export interface NormalEquations {
  /** The objective there. */
  readonly value: number;
  /** Jᵀ r. */
  readonly gradient: ArrayLike<number>;
  /** Jᵀ J, row by row. */
  readonly hessian: ArrayLike<number>;
}
/** For few parameters: the normal equations at x, in the order of the variables' leaves. */
export interface NormalObjective<X extends Variables = Variables> {
  /** Value, Jᵀ r and Jᵀ J at x. */
  normal(x: X): NormalEquations;
  /** J(x) alone, for trial points. */
  value?(x: X): number | Tensor;
}

/**
 * How gradients become steps, for a loop that has the gradients already: training on ever other samples. `memory` is what the rule
 * remembers, by name, each of the structure of x; step k (0, 1, …) is multiplied by `factor` of a schedule.
 */
export interface UpdateRule {
  /** The memory it begins with. */
  init<X extends Variables>(x: X): Readonly<Record<string, X>>;
  /** The next x, and the next memory. */
  step<X extends Variables>(
    x: X,
    gradient: X,
    memory: Readonly<Record<string, X>>,
    k: number,
    factor?: number,
  ): { readonly x: X; readonly memory: Readonly<Record<string, X>> };
}
/** The part of the full step size that step k is to have. */
export type Schedule = (k: number) => number;

// The loop

/** A point on the way, and J there. */
export interface State<X> {
  /** Where it stands. */
  readonly x: X;
  /** The objective there. */
  readonly value?: number;
}
/**
 * converged   a criterion of the method is met
 * iterations  the number asked for is done
 * stalled     no step improves the value, and no criterion is met
 * diverged    the value is no longer a finite number
 */
export type Stop = "converged" | "iterations" | "stalled" | "diverged";
/** A method: pure, synchronous steps from state to state. */
export interface Iteration<Problem, X, S extends State<X> = State<X>> {
  /** The state to begin with. */
  init(problem: Problem, x: X): S;
  /** The next state. */
  step(problem: Problem, state: S): S;
  /** Why to end here, if so; the text says it to people. */
  done?(state: S): { readonly stop: Stop; readonly reason: string } | undefined;
}
/** Where an iteration stands; what `onProgress` is told after each step. */
export interface Progress<X = unknown> {
  /** The level, coarse to fine. */
  readonly level: number;
  /** How many levels there are. */
  readonly levels: number;
  /** Steps done on this level. */
  readonly iteration: number;
  /** The most steps there may be. */
  readonly iterations: number;
  /** The objective here. */
  readonly value?: number;
  /** Valid during the callback; `keep` it to hold it longer. */
  readonly x: X;
}
/** How long `iterate` goes on, and who listens. */
export interface Run<X = unknown> {
  /** Most steps. */
  readonly iterations: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<X>) => void;
  /** For progress only: which level of how many this is (0 of 1). */
  readonly level?: number;
  /** Of a run that goes level by level: how many. */
  readonly levels?: number;
  /** Return the point of least value rather than the last one (default). Values of changing problems (mini-batches) cannot be compared: false. */
  readonly keepBest?: boolean;
  /** Return the last state as well, with everything the method remembers, to look into it or to go on. */
  readonly keepState?: boolean;
}
/** What `iterate` hands back: the best or the last x, with the state it ended in and why. */
export interface Result<X, S = State<X>> {
  /** The best x, or the last. */
  readonly x: X;
  /** The objective there. */
  readonly value?: number;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** One sentence. */
  readonly reason: string;
  /** Steps done. */
  readonly iterations: number;
  /** J at the start and after every step. */
  readonly history: readonly number[];
  /** With `keepState`. */
  readonly state?: S;
}
