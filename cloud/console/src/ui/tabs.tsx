import css from "./tabs.module.css";

export interface TabsProps<T extends string> {
  readonly label: string;
  readonly current: T;
  readonly tabs: readonly (readonly [T, string])[];
  readonly onChange: (tab: T) => void;
  readonly children: React.ReactNode;
}

/** Parts of a page; arrow keys move between them. */
export function Tabs<T extends string>({ label, current, tabs, onChange, children }: TabsProps<T>) {
  const move = (event: React.KeyboardEvent, at: number) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    onChange(next[0]);
    document.getElementById(`tab-${next[0]}`)?.focus();
  };
  return (
    <>
      <div className={css.list} role="tablist" aria-label={label}>
        {tabs.map(([id, text], at) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-selected={id === current}
            aria-controls="tab-panel"
            tabIndex={id === current ? 0 : -1}
            onClick={() => onChange(id)}
            onKeyDown={(event) => move(event, at)}
          >
            {text}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${current}`} className={css.panel}>
        {children}
      </div>
    </>
  );
}

/** One of a few choices, shown side by side. */
export function Segments<T extends string>(props: {
  readonly label: string;
  readonly current: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onChange: (option: T) => void;
}) {
  return (
    <fieldset className={css.segments}>
      <legend className="visually-hidden">{props.label}</legend>
      {props.options.map(([id, text]) => (
        <button
          key={id}
          type="button"
          aria-pressed={id === props.current}
          onClick={() => props.onChange(id)}
        >
          {text}
        </button>
      ))}
    </fieldset>
  );
}
