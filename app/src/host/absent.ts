/** In place of packages that the page does not carry. */
throw new Error("not in the page");

export {};
