export { type LabelState, type LabelTrack, type TrackLabelsOptions, trackLabels } from "./trackLabels.js";
