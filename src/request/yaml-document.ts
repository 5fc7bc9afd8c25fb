/** YAML text as plain values, with the place of each. No message has the words of the YAML library: those quote the text. */
import {
  Composer,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  type Scalar,
  visit,
} from 'yaml';
import { counted } from './faults.ts';
import { LIMITS } from './limits.ts';
import { excessIn } from './yaml-bounds.ts';

/** A place in a text; both count from 1. */
export interface Place {
  line: number;
  column: number;
}

/** What one YAML document says. */
export interface YamlDocument {
  value: unknown;
  /** Where the thing at `path` is, its key if it has one; where there is no such thing, the nearest one around it. */
  placeOf(path: ReadonlyArray<string | number>): Place;
}

/** Why a text is not one YAML document. Without a place where the text as a whole is meant. */
export interface SyntaxFault {
  message: string;
  place?: Place;
}

/** How often aliases may repeat parts of the document; counted with aliases within aliases, which grow exponentially. */
const MAX_ALIAS_COUNT = 100;

/** Reads a text that should be one document of YAML 1.2 (core schema), of which JSON is a part. Throws nothing. */
export function readYaml(text: string): { ok: true; document: YamlDocument } | { ok: false; faults: SyntaxFault[] } {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const tokens = [...new Parser(lines.addNewLine).parse(text)];
    const excess = excessIn(tokens);
    if (excess !== undefined) return { ok: false, faults: [{ message: excess.message, place: place(excess.offset) }] };
    const composer = new Composer({
      prettyErrors: false,
      logLevel: 'silent',
      stringKeys: true,
      schema: 'core',
      resolveKnownTags: false,
    });
    const documents = [...composer.compose(tokens)];
    const [document] = documents;
    if (document === undefined)
      return { ok: false, faults: [{ message: 'is empty; start from examples/walkthrough.yaml' }] };
    const found = [...syntaxFaults(documents), ...refusals(document, documents.length)];
    if (found.length > 0) {
      const faults = found.slice(0, LIMITS.faults).map(({ message, offset }) => ({ message, place: place(offset) }));
      return { ok: false, faults };
    }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
    return { ok: true, document: { value, placeOf: (path) => place(offsetOf(document, path)) } };
  } catch (error) {
    // Aliases are what is left to fail once there are no faults of syntax; nesting beyond the call stack comes before.
    const message =
      error instanceof ReferenceError
        ? `repeats too much by aliases (*name), more than ${MAX_ALIAS_COUNT} times; write it out`
        : 'cannot be parsed; it nests too deeply to be a request';
    return { ok: false, faults: [{ message }] };
  }
}

interface Found {
  message: string;
  offset: number;
}

function syntaxFaults(documents: Document.Parsed[]): Found[] {
  return documents.flatMap(({ errors, warnings }) =>
    [...errors, ...warnings].map(({ code, pos }) => ({ message: SYNTAX_MESSAGES[code] ?? NOT_YAML, offset: pos[0] })),
  );
}

const NOT_YAML = 'is not valid YAML here; check indentation, colons, quotes and brackets';

/** Codes that people run into, in words that help them. All others are told as {@link NOT_YAML}. */
const SYNTAX_MESSAGES: Partial<Record<ErrorCode, string>> = {
  DUPLICATE_KEY: 'has a key twice in one map; keep one of the two',
  TAB_AS_INDENT: 'is indented with a tab; YAML takes only spaces',
  BAD_INDENT: 'is indented unlike what is around it, or follows a bracket or quote that is not closed',
  BAD_DQ_ESCAPE: 'has an unknown escape in double quotes; write \\\\ for a backslash, or use single quotes',
  BAD_SCALAR_START: 'begins with a character that needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'has a second colon on the line, or a map where none can be; put text that has ": " in quotes',
  MULTILINE_IMPLICIT_KEY: 'has no colon after a key, or a key that goes over several lines',
  MISSING_CHAR: 'misses a closing quote or bracket, a comma, or a space after a colon',
  NON_STRING_KEY: 'has a map or list for a key; if it begins with { or *, put it in quotes',
  TAG_RESOLVE_FAILED: 'has a tag (!name); a request takes none, so put text that begins with ! in quotes',
  BAD_COLLECTION_TYPE: 'has a tag (!name); a request takes none',
  BAD_ALIAS: 'has a malformed alias; put text that begins with * or & in quotes',
  RESOURCE_EXHAUSTION: 'nests too deeply to be a request',
};

/** What is YAML, but would mean something else than it seems to. */
function refusals(document: Document.Parsed, count: number): Found[] {
  const found: Found[] = [];
  if (count > 1) {
    const message = `holds ${counted(count, 'document')}; a file takes one request, so put each into a file of its own`;
    found.push({ message, offset: document.range[2] });
  }
  if (document.directives.yaml.version !== '1.2') {
    found.push({ message: 'says that it is not YAML 1.2; take the %YAML line away', offset: 0 });
  }
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const message = 'is an alias of nothing before it; put text that begins with * in quotes';
      found.push({ message, offset: alias.range?.[0] ?? 0 });
    },
    Pair: (_, pair) => {
      if (!isScalar(pair.key) || pair.key.value !== '<<' || pair.key.type !== 'PLAIN') return;
      const message = 'is a merge key (<<), which YAML 1.2 does not have; write the keys out';
      found.push({ message, offset: pair.key.range?.[0] ?? 0 });
    },
  });
  return found;
}

function offsetOf(document: Document.Parsed, path: ReadonlyArray<string | number>): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = (pair.key as Scalar).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      offset = (node as Scalar | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
