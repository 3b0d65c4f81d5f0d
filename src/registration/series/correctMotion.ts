import { ArgumentError, GridError } from "../../core/errors.js";
import type { Image, Transform } from "../../core/interfaces.js";
import { type AffineMap, applyAffine, centreOf, cornersOf, gridText, identityMap, sameGrid, voxelsOf } from "../../image/grid.js";
import { rotationVector } from "../../image/matrix.js";
import type { ImageMetric } from "../../metrics/imageMetric.js";
import { lncc, ncc } from "../../metrics/index.js";
import { dispose, keep, scope, Tensor } from "../../tensor/index.js";
import { type AffineModel, AffineTransform, CompositeTransform, DisplacementTransform, nearestSimilarity, warp } from "../../transforms/index.js";
