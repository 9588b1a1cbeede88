/**
 * What a synthetic camera looks at. The agent loads the module named by `synthetic.module` in its
 * configuration and calls `openScene`; the agent itself knows no scene.
 */
export interface SceneModule {
  /** Builds the scene for one camera. Throws an `Error` that names an option it does not know. */
  openScene(options: SceneOptions): Scene;
}

/** What identifies one camera's scene: equal options give equal frames. */
export interface SceneOptions {
  /** Which camera this is, normally the device id; it seeds everything random in the scene. */
  readonly seed: string;
  /** Scene settings, as the desired state names them, for example `{ world: "brown-eggs" }`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A deterministic picture source: the frame is a pure function of options, settings and tick. */
export interface Scene {
  /** Pixels per row and rows. */
  readonly width: number;
  readonly height: number;
  /** Changes the settings from the next frame on; an unknown name or value throws and changes nothing. */
  configure(settings: Readonly<Record<string, string>>): void;
  /**
   * Draws the frame of one tick of the line's clock.
   * @param tick whole number, `floor(captured ms / frame period ms)`
   * @param capturedAtMs Unix time in milliseconds; slow changes (lamp, daylight) follow it
   * @returns RGB, row by row, 3 * width * height bytes; valid until the next call
   */
  render(tick: number, capturedAtMs: number): Uint8Array;
}
