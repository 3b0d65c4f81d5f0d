export const mobileNetFeatures = () => undefined;
