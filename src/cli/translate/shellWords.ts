import { FormatError } from "../../core/errors.js";

/** A simple command of a script: its words, and the line where it begins. */
export interface ShellCommand {
  readonly words: readonly string[];
  readonly line: number;
}

/**
 * The commands of a shell script as far as words go: quotes, backslashes, comments, and the separators ; & | and line ends. Nothing is expanded: `$x` stays `$x`.
 * @throws FormatError for a quote that is not closed
 */
export function shellCommands(text: string, path = "script"): ShellCommand[] {
  const out: ShellCommand[] = [];
  let words: string[] = [];
  let word: string | undefined;
  let line = 1;
  let began = 1;
  let depth = 0; // of brackets: a metric's [F, M] may hold blanks, but not line ends
  const endWord = () => {
    if (word === undefined) return;
    if (words.length === 0) began = line;
    words.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) out.push({ words, line: began });
    words = [];
    depth = 0;
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "\\") {
      const next = text[i + 1];
      if (next === "\r" && text[i + 2] === "\n") i++;
      if (next === "\n" || next === "\r") line++;
      else if (next !== undefined) word = (word ?? "") + next;
      i++;
    } else if (c === "'" || c === '"') {
      const from = line;
      let j = i + 1;
      let quoted = "";
      for (; j < text.length && text[j] !== c; j++) {
        if (c === '"' && text[j] === "\\" && j + 1 < text.length) j++;
        if (text[j] === "\n") line++;
        quoted += text[j];
      }
      if (j >= text.length) throw new FormatError(`${path}: line ${from}: a quote is not closed`, { path, line: from });
      word = (word ?? "") + quoted;
      i = j;
    } else if (c === "#" && word === undefined) {
      while (i + 1 < text.length && text[i + 1] !== "\n") i++;
    } else if (c === "\n" || c === ";" || c === "|" || c === "&") {
      // 2>&1 and &> are redirections, not ends
      if (c === "&" && (/[<>]$/.test(word ?? "") || text[i + 1] === ">")) word = (word ?? "") + c;
      else endCommand();
      if (c === "\n") line++;
    } else if (/\s/.test(c)) {
      if (depth === 0) endWord();
    } else {
      if (c === "[") depth++;
      if (c === "]" && depth > 0) depth--;
      word = (word ?? "") + c;
    }
  }
  endCommand();
  return out;
}
