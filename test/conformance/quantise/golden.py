"""Golden vectors for 8-bit quantisation and 16-bit floats, computed with numpy from the published rules
of ONNX Runtime's quantiser and of IEEE 754, independently of fieldloop's code.

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


def dynamic_parameters(values):
    """DynamicQuantizeLinear, in 32-bit floats throughout."""
    low, high = min(f32(values.min()), f32(0)), max(f32(values.max()), f32(0))
    scale = f32(1) if low == high else f32((high - low) / f32(255))
    zero = int(np.rint(np.clip(f32(0) - low / scale, f32(0), f32(255))))
    return scale, zero


def dynamic():
    own = np.random.RandomState(5)
    for rows, inner, columns, shift in [(1, 1, 1, 0), (3, 8, 5, 0), (2, 16, 4, 2), (4, 6, 7, -3),
                                        (2, 33, 3, 0.5)]:
        for reduced in (False, True):
            x = (own.normal(0, 2, (rows, inner)) + shift).astype(f32)
            w = own.normal(0, 0.3, (inner, columns)).astype(f32)
            if columns > 4:
                w[:, 1] = 0
            bias = own.normal(0, 1, columns).astype(f32)
            scale, zero = dynamic_parameters(x)
            q = quantise(x, scale, zero, 0, 255)
            qmax = 64 if reduced else 127
            sizes = np.abs(w).max(axis=0).astype(f64)
            scales = np.where(sizes == 0, 1, 2 * sizes / (2 * qmax)).astype(f32)
            qw = np.stack([quantise(w[:, c], scales[c], 0, -qmax, qmax) for c in range(columns)], 1)
            products = (q - zero).astype(np.int64) @ qw.astype(np.int64)
            y = products * (f64(scale) * scales.astype(f64)) + bias
            yield {
                "dims": [rows, inner, columns], "reduced": reduced, "x": bits(x), "w": bits(w),
                "bias": bits(bias), "scale": bits([scale]), "zeroPoint": zero,
                "quantised": q.reshape(-1).tolist(), "weightScales": bits(scales),
                "quantisedWeights": qw.reshape(-1).tolist(), "y": bits(y.astype(f32)),
            }


def halves():
    own = np.random.RandomState(6)
    words = own.randint(0, 2**32, 200, dtype=np.uint64).astype(np.uint32)
    # Ordinary sizes, the small ones below 2^-14, and the largest.
    exponents = own.randint(127 - 28, 127 + 18, 400).astype(np.uint32)
    near = (exponents << 23) | own.randint(0, 2**23, 400).astype(np.uint32)
    # Half way between two halves, and one step beside.
    kept = own.randint(0, 0x7BFF, 200).astype(np.uint16)
    middle = (kept.view(np.float16).astype(f64) + (kept + 1).astype(np.uint16).view(np.float16).astype(f64)) / 2
    ties = middle.astype(f32).view(np.uint32)
    edges = np.array([0, 0x80000000, 0x7F800000, 0xFF800000, 0x477FEFFF, 0x477FF000, 0x33000000,
                      0x33000001, 0x387FFFFF, 0x38800000, 1], np.uint32)
    words = np.concatenate([words, near, ties, ties + 1, ties - 1, edges]).astype(np.uint32)
    words = words[~np.isnan(words.view(f32))]
    with np.errstate(over="ignore"):
        return {"words": words.tolist(), "halves": words.view(f32).astype(np.float16).view(np.uint16).tolist()}


print(json.dumps({
    "tensors": list(tensors()), "weights": list(weights()), "dynamic": list(dynamic()),
    "halves": halves(),
}, separators=(",", ":")))
