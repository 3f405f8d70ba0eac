"use strict";
// Weights from a file: safetensors is eight bytes that give the length of a header, the header in
// JSON (name -> type, shape, place), and the numbers. Nothing in it is ever run.
// https://huggingface.co/docs/safetensors

{
  const { CourseError } = lenet;
  const BYTES = { F32: 4, F16: 2 };

  // ArrayBuffer -> {tensors: {name: tensor}, metadata: {...}}. Raises CourseError, with a sentence
  // that says what is wrong, for anything that is no such file.
  function readSafetensors(buffer) {
    const header = readHeader(buffer);
    const start = 8 + header.length;
    const tensors = Object.create(null); // no name, not even __proto__, means anything to it
    let end = 0;
    for (const [name, entry] of inOrder(header.entries)) {
      const [from, to] = checkEntry(name, entry, buffer.byteLength - start);
      if (from !== end) {
        throw new CourseError(`The numbers of ${quoted(name)} overlap others, or leave a gap.`);
      }
      const bytes = buffer.slice(start + from, start + to); // a copy: at home at any address
      const data = entry.dtype === "F16" ? fromFloat16(bytes) : new Float32Array(bytes);
      tensors[name] = lenet.tensor(entry.shape, data);
      end = to;
    }
    if (start + end !== buffer.byteLength) {
      throw new CourseError("The file goes on after its last number.");
    }
    return { tensors, metadata: courseMetadata(header.metadata) };
  }

  function readHeader(buffer) {
    if (buffer.byteLength < 10) {
      throw new CourseError(`A file of ${buffer.byteLength} bytes is too short for weights.`);
    }
    const length = Number(new DataView(buffer).getBigUint64(0, true));
    if (length > buffer.byteLength - 8) {
      throw new CourseError(
        "This is no safetensors file, or not all of it: its header would be longer than the file.");
    }
    let header;
    try {
      const bytes = new Uint8Array(buffer, 8, length);
      header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      throw new CourseError("This is no safetensors file: its header is not JSON.");
    }
    if (!isObject(header)) {
      throw new CourseError("This is no safetensors file: its header names no tensors.");
    }
    const { __metadata__: metadata = {}, ...entries } = header;
    if (!isObject(metadata) || !Object.values(metadata).every(isText)) {
      throw new CourseError("This is no safetensors file: its metadata is not text.");
    }
    return { length, metadata, entries: Object.entries(entries) };
  }

  function inOrder(entries) {
    const [from, to] = [0, 1].map((end) => ([, entry]) => Number(entry?.data_offsets?.[end]) || 0);
    return entries.sort((a, b) => from(a) - from(b) || to(a) - to(b));
  }

  // Return where the numbers of a tensor begin and end, in bytes after the header.
  function checkEntry(name, entry, size) {
    if (!isObject(entry)) {
      throw new CourseError(`The header says nothing of ${quoted(name)} but its name.`);
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    if (!Object.hasOwn(BYTES, dtype)) {
      throw new CourseError(
        `${quoted(name)} has numbers of type ${quoted(dtype)}; only F32 and F16 are read here.`);
    }
    if (!Array.isArray(shape) || !shape.every(isCount)) {
      throw new CourseError(`${quoted(name)} has no shape of whole numbers.`);
    }
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
      throw new CourseError(`The header does not say where the numbers of ${quoted(name)} are.`);
    }
    const [from, to] = offsets;
    if (from > to || to > size) {
      throw new CourseError(
        `The numbers of ${quoted(name)} would lie outside the file: is it complete?`);
    }
    if (shape.reduce((product, length) => product * length, BYTES[dtype]) !== to - from) {
      throw new CourseError(
        `${quoted(name)} is ${shape.join(" x ")}, and its ${to - from} bytes do not fit that.`);
    }
    return offsets;
  }

  // What `lenetcourse train` wrote about the network, or {}: all of it is JSON in one entry.
  function courseMetadata(metadata) {
    try {
      const facts = JSON.parse(metadata.lenetcourse);
      return isObject(facts) ? facts : {};
    } catch {
      return {};
    }
  }

  // What tools/export_web.py has put into a script -> as from readSafetensors.
  function readWeights({ tensors: shapes, metadata, float16 }) {
    const text = atob(float16);
    const numbers = fromFloat16(Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
    const tensors = Object.create(null);
    let start = 0;
    for (const [name, shape] of Object.entries(shapes)) {
      const end = start + shape.reduce((product, length) => product * length, 1);
      tensors[name] = lenet.tensor(shape, numbers.slice(start, end));
      start = end;
    }
    return { tensors, metadata };
  }

  // One bit of sign, five of exponent, ten of fraction (IEEE 754 binary16) -> Float32Array.
  function fromFloat16(buffer) {
    return Float32Array.from(new Uint16Array(buffer), (bits) => {
      const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
      if (exponent === 31) return fraction ? NaN : sign * Infinity;
      if (exponent === 0) return sign * fraction * 2 ** -24;
      return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    });
  }

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isText = (value) => typeof value === "string";
  const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
  const quoted = (value) => `“${String(value).slice(0, 40)}”`; // may be long

  Object.assign(lenet, { readSafetensors, readWeights });
  lenet.weights ??= {};
}
