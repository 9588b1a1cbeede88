"""Golden vectors for 8-bit quantisation, computed with numpy from the published rules of ONNX
Runtime's quantiser, independently of fieldloop's code.

Run `/usr/bin/python3 golden.py > vectors.json` (Debian's python3-numpy) after a change of the rules,
then format the file.
Floats are written as the 32 bits they consist of, so nothing is lost on the way.
"""
import json
import numpy as np

f32, f64 = np.float32, np.float64
random = np.random.RandomState(20240613)


def bits(values):
    return np.asarray(values, dtype=f32).reshape(-1).view(np.uint32).tolist()


def integer_range(kind, symmetric, reduced):
    if reduced:
        return (0, 127) if kind == "uint8" else (-64, 64)
    if kind == "uint8":
        return (0, 254) if symmetric else (0, 255)
    return (-127, 127) if symmetric else (-128, 127)


def scale_and_zero_point(low, high, kind, symmetric, reduced):
    qmin, qmax = integer_range(kind, symmetric, reduced)
    low, high = min(f64(low), 0.0), max(f64(high), 0.0)
    if symmetric:
        size = max(abs(low), abs(high))
        low, high = -size, size
    scale = f64(high - low) / f64(qmax - qmin)
    if scale < np.finfo(f32).tiny:
        return f32(1), 0
    zero = np.rint((qmin + qmax) / 2.0) if symmetric else np.rint(qmin - low / scale)
    return f32(scale), int(zero)


def quantise(values, scale, zero, qmin, qmax):
    q = np.rint(np.asarray(values, f32) / f32(scale)).astype(f64) + zero
    return np.clip(q, qmin, qmax).astype(int)


def tensors():
    ranges = [(0, 1), (-1, 1), (-0.375, 6), (0, 6), (0, 0), (-3, -1), (2, 5), (-1e-39, 1e-39),
              (-123.456, 0.001), (0, 3.4e38), (-2.2e-38, 2.2e-36)]
    ranges += [tuple(sorted(pair)) for pair in random.normal(0, 10, (40, 2))]
    for low, high in ranges:
        low, high = f32(low), f32(high)
        for kind in ("uint8", "int8"):
            for symmetric in (False, True):
                for reduced in (False, True):
                    scale, zero = scale_and_zero_point(low, high, kind, symmetric, reduced)
                    qmin, qmax = integer_range(kind, symmetric, reduced)
                    # Ties on purpose: every value half way between two integers, and some others.
                    ties = (np.arange(-6, 6) + f32(0.5)).astype(f32) * scale
                    other = random.uniform(float(low) * 1.2 - 1e-3, float(high) * 1.2 + 1e-3, 12)
                    with np.errstate(over="ignore"):
                        values = np.concatenate([ties, other.astype(f32)]).astype(f32)
                    values = values[np.isfinite(values)]
                    yield {
                        "min": bits([low]), "max": bits([high]), "type": kind,
                        "symmetric": symmetric, "reduced": reduced,
                        "scale": bits([scale]), "zeroPoint": zero,
                        "values": bits(values),
                        "quantised": quantise(values, scale, zero, qmin, qmax).tolist(),
                    }


def weights():
    for dims, axis in [((4, 3, 3, 3), 0), ((3, 5, 2, 2), 1), ((6, 7), 0), ((6, 7), 1), ((8,), 0)]:
        for reduced in (False, True):
            data = random.normal(0, 0.1, dims).astype(f32)
            data[(slice(None),) * axis + (0,)] *= f32(1e-9)  # nearly dead
            if dims[axis] > 2:
                data[(slice(None),) * axis + (2,)] = 0  # dead
            bias = random.normal(0, 1, dims[axis]).astype(f32)
            input_scale = f32(abs(random.normal(0, 0.02)) + 1e-3)
            least = np.array(
                [(1 + 2.0**-7) * abs(f64(b)) / (2**31 - 1) / f64(input_scale) for b in bias]
            ).astype(f32)
            qmin, qmax = (-64, 64) if reduced else (-127, 127)
            scales, quantised = [], np.zeros(dims, int)
            for channel in range(dims[axis]):
                index = (slice(None),) * axis + (channel,)
                size = f64(np.abs(data[index]).max())
                scale = f32(2 * size / (qmax - qmin)) if 2 * size / (qmax - qmin) >= np.finfo(f32).tiny else f32(1)
                scale = least[channel] if size == 0 and least[channel] > 0 else max(scale, least[channel])
                scales.append(scale)
                quantised[index] = quantise(data[index], scale, 0, qmin, qmax)
            scales = np.array(scales, f32)
            bias_scales = (input_scale * scales).astype(f32)
            q_bias = np.rint(bias.astype(f64) / bias_scales.astype(f64))
            assert np.all(np.abs(q_bias) < 2**31)
            yield {
                "dims": list(dims), "axis": axis, "reduced": reduced, "data": bits(data),
                "bias": bits(bias), "inputScale": bits([input_scale]), "scales": bits(scales),
                "quantised": quantised.reshape(-1).tolist(), "biasScales": bits(bias_scales),
                "quantisedBias": q_bias.astype(np.int64).tolist(),
            }


print(json.dumps({"tensors": list(tensors()), "weights": list(weights())}, separators=(",", ":")))
