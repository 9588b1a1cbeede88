/** The camera's frame, in pixels. */
export const WIDTH = 320;
export const HEIGHT = 240;
