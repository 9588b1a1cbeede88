/** Icons as paths on a 16 × 16 grid, drawn with the text's colour. */
const shapes = {
  devices: "M2.5 4.5h11v7h-11zM6 14h4M8 11.5V14M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  models: "M8 1.8 13.8 5v6L8 14.2 2.2 11V5zM2.2 5 8 8.2 13.8 5M8 8.2v6",
  enrolment: "M6.5 9.5a3.5 3.5 0 1 1 1.2-2.6L13.5 7v2.2h-2v2h-2V9.5zM4.6 7h.01",
  settings:
    "M6 7.2a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2zM1.5 13.5c.4-2.6 2.2-4 4.5-4s4.1 1.4 4.5 4M10.5 2.2a2.6 2.6 0 0 1 0 4.8M12 9.9c1.4.6 2.3 1.9 2.5 3.6",
  audit: "M4 1.8h6L13 5v9.2H4zM9.8 2v3.2H13M6.3 8h4.4M6.3 10.8h4.4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.6 10.6 14 14",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M13 3l-1.1 1.1M4.1 11.9 3 13",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1z",
  contrast: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5h4.5M8 8h6M8 11h4.5",
  person: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.5-2.9 2.6-4.5 5.5-4.5s5 1.6 5.5 4.5",
  chevron: "M4 6l4 4 4-4",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5l3.2 3.2L13 5",
  warning: "M8 2.2 14.5 13.5h-13zM8 6.5v3.2M8 11.7h.01",
  upload: "M8 10.5v-8M4.8 5.5 8 2.3l3.2 3.2M2.5 10.5v3h11v-3",
  plus: "M8 3v10M3 8h10",
  play: "M5 3.2v9.6L12.5 8z",
  stop: "M4.5 4.5h7v7h-7z",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.2 1.8",
  jump: "M2.5 8h8M7.5 4.5 11 8l-3.5 3.5M13.5 3v10",
  back: "M10 3.5 5.5 8l4.5 4.5",
} as const;

export type IconName = keyof typeof shapes;

/** Decoration only: whatever it stands for is also said in words. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={shapes[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.35"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
