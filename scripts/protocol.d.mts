/** Where the committed document lies. */
export const protocolFile: string;
export function protocolDocument(): string;
