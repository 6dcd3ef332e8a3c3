"use strict";
// Computes an image from a latent by following a program; every array is flat, for one image.

/** Return the generator of a program: (latent, label) => Float32Array of [C, H, W] in [-1, 1]. */
function makeGenerator(program, bytes) {
  const constants = unpack(program, bytes);
  return function generate(latent, label) {
    const arrays = new Map(constants);
    arrays.set(program.inputs[0], Float32Array.from(latent));
    if (program.inputs.length > 1) arrays.set(program.inputs[1], Float32Array.of(label));
    for (const step of program.instructions) {
      const output = new Float32Array(step.size);
      const inputs = step.inputs.map((name) => arrays.get(name));
      arrays.set(step.output, OPERATIONS[step.op](step, output, ...inputs) || output);
    }
    return arrays.get(program.output);
  };
}

/** Return the program's constants by name. */
function unpack(program, bytes) {
  const half = program.precision === "float16";
  const numbers = half ? fromHalf(new Uint16Array(bytes)) : new Float32Array(bytes);
  return program.constants.map(([name, start, length]) => [
    name,
    numbers.subarray(start, start + length),
  ]);
}

/** Return float16 numbers as float32. */
function fromHalf(halves) {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction ? NaN : Infinity
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    table[bits] = bits >> 15 ? -size : size;
  }
  return Float32Array.from(halves, (bits) => table[bits]);
}

const FUNCTIONS = {
  abs: () => Math.abs,
  clamp: ({ min, max, min_val, max_val }) => {
    const low = min ?? min_val ?? -Infinity;
    const high = max ?? max_val ?? Infinity;
    return (x) => Math.min(Math.max(x, low), high);
  },
  cos: () => Math.cos,
  elu: ({ alpha }) => (x) => (x > 0 ? x : alpha * Math.expm1(x)),
  exp: () => Math.exp,
  gelu: () => (x) =>
    0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
  leaky_relu: ({ negative_slope }) => (x) => (x > 0 ? x : negative_slope * x),
  log: () => Math.log,
  neg: () => (x) => -x,
  pow: ({ exponent }) => (x) => x ** exponent,
  reciprocal: () => (x) => 1 / x,
  relu: () => (x) => (x > 0 ? x : 0),
  rsqrt: () => (x) => 1 / Math.sqrt(x),
  sigmoid: () => (x) => 1 / (1 + Math.exp(-x)),
  silu: () => (x) => x / (1 + Math.exp(-x)),
  sin: () => Math.sin,
  softplus: ({ beta }) => (x) =>
    beta * x > 20 ? x : Math.log1p(Math.exp(beta * x)) / beta,
  sqrt: () => Math.sqrt,
  square: () => (x) => x * x,
  tanh: () => Math.tanh,
};

const PAIRS = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
};

const OPERATIONS = {
  same: (step, output, input) => input,

  map(step, output, input) {
    const compute = FUNCTIONS[step.function](step);
    for (let i = 0; i < output.length; i++) output[i] = compute(input[i]);
  },

  zip(step, output, left, right) {
    const compute = PAIRS[step.function];
    const [ofLeft, ofRight] = step.strides.map((strides) => places(step.shape, strides, 0));
    for (let i = 0; i < output.length; i++) output[i] = compute(left[ofLeft[i]], right[ofRight[i]]);
  },

  pick(step, output, input) {
    const from = places(step.shape, step.strides, step.offset);
    for (let i = 0; i < output.length; i++) output[i] = input[from[i]];
  },

  join(step, output, ...inputs) {
    let at = 0;
    for (let outer = 0; outer < step.outer; outer++) {
      inputs.forEach((input, which) => {
        const length = step.lengths[which];
        output.set(input.subarray(outer * length, (outer + 1) * length), at);
        at += length;
      });
    }
  },

  row(step, output, table, index) {
    output.set(table.subarray(index[0] * step.length, (index[0] + 1) * step.length));
  },

  reduce(step, output, input) {
    const scale = step.mean ? 1 / step.length : 1;
    for (let i = 0; i < output.length; i++) output[i] = total(input, i, step.length) * scale;
  },

  standardize(step, output, input) {
    const { length, eps } = step;
    for (let group = 0; group * length < input.length; group++) {
      const mean = total(input, group, length) / length;
      let variance = 0;
      for (let i = group * length; i < (group + 1) * length; i++) variance += (input[i] - mean) ** 2;
      const scale = 1 / Math.sqrt(variance / length + eps);
      for (let i = group * length; i < (group + 1) * length; i++) output[i] = (input[i] - mean) * scale;
    }
  },

  affine(step, output, input, scale, shift) {
    for (let channel = 0, i = 0; channel < scale.length; channel++)
      for (const end = i + step.inner; i < end; i++)
        output[i] = input[i] * scale[channel] + shift[channel];
  },

  linear(step, output, input, weight, bias) {
    const { outputs, length } = step;
    for (let i = 0; i < output.length; i++) {
      const row = (i % outputs) * length;
      const start = Math.floor(i / outputs) * length;
      let sum = bias ? bias[i % outputs] : 0;
      for (let k = 0; k < length; k++) sum += input[start + k] * weight[row + k];
      output[i] = sum;
    }
  },

  convolution(step, output, input, weight, bias) {
    const { from_: from, to, kernel, groups } = step;
    fill(output, to, bias);
    const inputs = from[0] / groups;
    const outputs = to[0] / groups;
    for (let o = 0; o < to[0]; o++)
      for (let i = 0; i < inputs; i++) {
        const channel = Math.floor(o / outputs) * inputs + i;
        forEachTap(step, from, to, (tap, y0, y1, x0, x1, dy, dx, sy, sx) => {
          const w = weight[(o * inputs + i) * kernel[0] * kernel[1] + tap];
          for (let y = y0; y < y1; y++) {
            let source = (channel * from[1] + y * sy + dy) * from[2] + x0 * sx + dx;
            const row = (o * to[1] + y) * to[2];
            for (let x = x0; x < x1; x++, source += sx) output[row + x] += w * input[source];
          }
        });
      }
  },

  convolutionTransposed(step, output, input, weight, bias) {
    const { from_: from, to, kernel, groups } = step;
    fill(output, to, bias);
    const inputs = from[0] / groups;
    const size = from[1] * from[2];
    const reach = (to[0] / groups) * kernel[0] * kernel[1];
    const patch = new Float32Array(reach);
    for (let group = 0; group < groups; group++)
      for (let pixel = 0; pixel < size; pixel++) {
        patch.fill(0);
        for (let i = group * inputs; i < (group + 1) * inputs; i++) {
          const value = input[i * size + pixel];
          if (value !== 0) addScaled(patch, weight, i * reach, value); // ReLU leaves many zeros
        }
        addPatch(step, output, patch, group, Math.floor(pixel / from[2]), pixel % from[2]);
      }
  },
};

/** Call with each kernel tap and the part of the even map for which it stays inside the other. */
function forEachTap({ kernel, stride, padding, dilation }, strided, even, act) {
  for (let ky = 0, tap = 0; ky < kernel[0]; ky++)
    for (let kx = 0; kx < kernel[1]; kx++, tap++) {
      const dy = ky * dilation[0] - padding[0];
      const dx = kx * dilation[1] - padding[1];
      const [y0, y1] = inside(dy, stride[0], strided[1], even[1]);
      const [x0, x1] = inside(dx, stride[1], strided[2], even[2]);
      act(tap, y0, y1, x0, x1, dy, dx, stride[0], stride[1]);
    }
}

/** Add a row of weights, scaled, to a patch. */
function addScaled(patch, weight, start, value) {
  for (let k = 0; k < patch.length; k++) patch[k] += value * weight[start + k];
}

/** Add what one pixel of a transposed convolution contributes to all channels of its group. */
function addPatch({ to, kernel, stride, padding, dilation, groups }, output, patch, group, y, x) {
  const outputs = to[0] / groups;
  for (let ky = 0; ky < kernel[0]; ky++) {
    const row = y * stride[0] - padding[0] + ky * dilation[0];
    if (row < 0 || row >= to[1]) continue;
    for (let kx = 0; kx < kernel[1]; kx++) {
      const column = x * stride[1] - padding[1] + kx * dilation[1];
      if (column < 0 || column >= to[2]) continue;
      let source = ky * kernel[1] + kx;
      let target = (group * outputs * to[1] + row) * to[2] + column;
      for (let o = 0; o < outputs; o++) {
        output[target] += patch[source];
        source += kernel[0] * kernel[1];
        target += to[1] * to[2];
      }
    }
  }
}

/** Return the range of i in [0, count) for which 0 <= i * stride + shift < size. */
function inside(shift, stride, size, count) {
  const first = Math.max(0, Math.ceil(-shift / stride));
  return [first, Math.min(count, Math.ceil((size - shift) / stride))];
}

/** Set each channel to its bias. */
function fill(output, [channels, height, width], bias) {
  if (!bias) return;
  for (let channel = 0; channel < channels; channel++)
    output.fill(bias[channel], channel * height * width, (channel + 1) * height * width);
}

/** Return the sum of the `length` numbers of a group. */
function total(input, group, length) {
  let sum = 0;
  for (let i = group * length; i < (group + 1) * length; i++) sum += input[i];
  return sum;
}

const KNOWN_PLACES = new Map();

/** Return where each number of a strided array is in the flat one; remembered, as shapes recur. */
function places(shape, strides, offset) {
  const key = `${shape}|${strides}|${offset}`;
  if (!KNOWN_PLACES.has(key)) KNOWN_PLACES.set(key, computePlaces(shape, strides, offset));
  return KNOWN_PLACES.get(key);
}

function computePlaces(shape, strides, offset) {
  let found = Int32Array.of(offset);
  shape.forEach((size, dim) => {
    const next = new Int32Array(found.length * size);
    for (let i = 0, at = 0; i < found.length; i++)
      for (let k = 0; k < size; k++) next[at++] = found[i] + k * strides[dim];
    found = next;
  });
  return found;
}
