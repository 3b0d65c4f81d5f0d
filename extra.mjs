export const rows = () => ({});
