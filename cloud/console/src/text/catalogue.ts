/** Names of the placeholders in a sentence: `{name}` and `{n:one:other}`. */
type Names<S extends string> = S extends `${string}{${infer P}}${infer Rest}`
  ? (P extends `${infer N}:${string}` ? N : P) | Names<Rest>
  : never;
type Params<S extends string> = Readonly<Record<Names<S>, string | number>>;
type Arguments<S extends string> = [Names<S>] extends [never] ? [] : [Params<S>];

const plural = new Intl.PluralRules("en");
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/**
 * A function from key to sentence. `{name}` is replaced by a value (numbers are grouped),
 * `{n:device:devices}` by the word that fits the number `n`.
 */
export function catalogue<const C extends Readonly<Record<string, string>>>(sentences: C) {
  return <K extends keyof C & string>(key: K, ...args: Arguments<C[K]>): string =>
    fill(sentences[key] ?? key, args[0] ?? {});
}

function fill(sentence: string, params: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{([^}]+)\}/g, (_, inner: string) => {
    const [name = "", one, other] = inner.split(":");
    const value = params[name] ?? "";
    if (one !== undefined && other !== undefined)
      return plural.select(Number(value)) === "one" ? one : other;
    return typeof value === "number" ? number.format(value) : value;
  });
}
