/** What a reference cannot tell: to be shown at commissioning, while something can be done. */
import { judgedTilesMin, tileGrid } from "./bands.ts";
import { changeLevelsMin } from "./compare.ts";
import { saturationMin } from "./judge.ts";
import { type HealthReference, structuredTiles } from "./reference.ts";

/** Below this share of structured tiles covers can hide in the rest. */
const structuredShareMin = 0.4;
/** Fewer thumbnails leave what moves in the median picture. */
const thumbnailsMin = 10;

/** One sentence for each weakness; none for a reference that can tell everything. */
export function weaknessesOf(reference: HealthReference): readonly string[] {
  const structured = structuredTiles(reference.tiles, reference.noise).filter(Boolean).length;
  const changing = reference.tiles.change.filter((change) => change >= changeLevelsMin).length;
  const found: string[] = [];
  if (reference.thumbnails < thumbnailsMin) {
    found.push(
      `the reference is made of ${reference.thumbnails} thumbnails, at least ${thumbnailsMin} are needed to leave out what moves`,
    );
  }
  if (structured < judgedTilesMin) {
    found.push(
      `only ${structured} of ${tileGrid.count} parts of the picture have structure, so neither blur nor fog nor covers can be seen; take a view with more in it`,
    );
  } else if (structured < structuredShareMin * tileGrid.count) {
    found.push(
      `only ${structured} of ${tileGrid.count} parts of the picture have structure, and a cover over the others is not seen`,
    );
  }
  if (changing < judgedTilesMin) {
    found.push(
      "the thumbnails show no noise, so a frozen picture cannot be told from a still scene",
    );
  }
  if (reference.saturation === null || reference.saturation < saturationMin) {
    found.push("the thumbnails show no colour, so a stuck infrared filter is not seen");
  }
  return found;
}
