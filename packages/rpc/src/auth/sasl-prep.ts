/** RFC 3454 C.1.2: spaces that become the plain one. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;
/** RFC 3454 B.1: characters that are mapped to nothing. */
const NOTHING =
  // oxlint-disable-next-line no-misleading-character-class -- each stands for itself
  /[\u00ad\u034f\u1806\u180b\u180c\u180d\u200b\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** RFC 3454 C.2 to C.9 by category: controls, formats, surrogates, private use, and not assigned. */
const PROHIBITED = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\ufffc\ufffd\u2028\u2029\u2ff0-\u2ffb]/u;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}]/u;

/**
 * The form of names and passwords in which they are compared: the SASLprep profile (RFC 4013) over the
 * Unicode of this Node instead of version 3.2. Null for a text that has no such form.
 */
export function saslPrep(text: string): string | null {
  const mapped = text.replace(NOTHING, "").replace(OTHER_SPACES, " ").normalize("NFKC");
  if (mapped === "" || PROHIBITED.test(mapped)) {
    return null;
  }
  return RIGHT_TO_LEFT.test(mapped) && !isOneDirection(mapped) ? null : mapped;
}

/** RFC 3454 section 6: right-to-left text begins and ends as such, and has nothing of the other kind. */
function isOneDirection(text: string): boolean {
  const characters = Array.from(text);
  return (
    !LEFT_TO_RIGHT.test(text) &&
    RIGHT_TO_LEFT.test(characters[0] ?? "") &&
    RIGHT_TO_LEFT.test(characters.at(-1) ?? "")
  );
}
