/**
 * The part of the ONNX format that reading a model's face takes (onnx.proto, IR version 13, field
 * numbers as published there). Fields that are not named here are skipped unread, so weights are
 * not copied.
 */
import type { INamespace } from "protobufjs";

export const onnxSchema: INamespace = {
  nested: {
    ModelProto: {
      fields: {
        irVersion: { id: 1, type: "int64" },
        producerName: { id: 2, type: "string" },
        producerVersion: { id: 3, type: "string" },
        graph: { id: 7, type: "GraphProto" },
        opsetImport: { id: 8, rule: "repeated", type: "OperatorSetId" },
        metadataProps: { id: 14, rule: "repeated", type: "StringEntry" },
      },
    },
    OperatorSetId: {
      fields: { domain: { id: 1, type: "string" }, version: { id: 2, type: "int64" } },
    },
    StringEntry: { fields: { key: { id: 1, type: "string" }, value: { id: 2, type: "string" } } },
    GraphProto: {
      fields: {
        node: { id: 1, rule: "repeated", type: "NodeProto" },
        name: { id: 2, type: "string" },
        initializer: { id: 5, rule: "repeated", type: "TensorProto" },
        input: { id: 11, rule: "repeated", type: "ValueInfo" },
        output: { id: 12, rule: "repeated", type: "ValueInfo" },
      },
    },
    NodeProto: {
      fields: {
        output: { id: 2, rule: "repeated", type: "string" },
        opType: { id: 4, type: "string" },
      },
    },
    TensorProto: {
      fields: {
        dataType: { id: 2, type: "int32" },
        name: { id: 8, type: "string" },
        dataLocation: { id: 14, type: "int32" },
      },
    },
    ValueInfo: { fields: { name: { id: 1, type: "string" }, type: { id: 2, type: "TypeProto" } } },
    TypeProto: { fields: { tensorType: { id: 1, type: "TensorType" } } },
    TensorType: {
      fields: { elemType: { id: 1, type: "int32" }, shape: { id: 2, type: "TensorShape" } },
    },
    TensorShape: { fields: { dim: { id: 1, rule: "repeated", type: "Dimension" } } },
    Dimension: {
      fields: { dimValue: { id: 1, type: "int64" }, dimParam: { id: 2, type: "string" } },
      oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
    },
  },
};

/** `TensorProto.DataType` by number. */
export const elementTypes: readonly string[] = [
  "undefined",
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
];
