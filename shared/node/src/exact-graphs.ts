/**
 * What ONNX Runtime must not do to a graph. Its rule `Pad_Fusion` takes a Pad into the MaxPool behind
 * it though a Pad with zeros holds zeros against negative values and MaxPool's own pads hold nothing:
 * windows at the edge come out wrong, in 1.27 with every type. YOLOv3-tiny is built like that. The rule
 * is off everywhere; the compiler takes Pads into Convs itself, where it is right.
 */
export const exactGraphs = {
  optimization: { disable_specified_optimizers: "Pad_Fusion" },
} as const;
