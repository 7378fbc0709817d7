// The model: unpacked from this very page, loaded into onnxruntime-web, asked one question at a time.
const facts = JSON.parse(document.getElementById("facts").textContent);
const KINDS = { float32: Float32Array, uint8: Uint8Array, bool: Uint8Array, int32: Int32Array, int64: BigInt64Array };

function bytesOf(base64) {
  const text = atob(base64.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The bytes of one of the packed blocks at the end of the page; the block is freed. */
async function unpacked(id) {
  const block = document.getElementById(id);
  const packed = new Blob([bytesOf(block.textContent)]);
  block.remove();
  const stream = packed.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function load() {
  const [code, wasm, model] = await Promise.all(["runtime", "wasm", "model"].map(unpacked));
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const ort = await import(address);
  URL.revokeObjectURL(address);
  Object.assign(ort.env.wasm, { wasmBinary: wasm.buffer, numThreads: 1, proxy: false });
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  return { ort, session };
}

/** A tensor of {type, dims, data}; data: numbers, texts, or the bytes in little-endian order as base64. */
function tensor(ort, { type, dims, data }) {
  if (type === "string") return new ort.Tensor("string", [...data], dims);
  const Kind = KINDS[type];
  if (!(data instanceof Kind)) {
    data = typeof data === "string" ? new Kind(bytesOf(data).buffer) : type === "int64" ? Kind.from(data, BigInt) : Kind.from(data);
  }
  return new ort.Tensor(type, data, dims);
}

let last = Promise.resolve(); // onnxruntime-web answers one question at a time
const loaded = load();

/** What the model says of feeds {name: {type, dims, data}}: {name: {dims, data}}, whole numbers as numbers. */
function ask(feeds, wanted) {
  const answer = last.then(async () => {
    const { ort, session } = await loaded;
    const given = {};
    for (const [name, feed] of Object.entries(feeds)) given[name] = tensor(ort, feed);
    const names = wanted || session.outputNames;
    const got = await session.run(given, names);
    const plain = {};
    for (const name of names) {
      const { data, dims } = got[name];
      plain[name] = { dims: [...dims], data: data instanceof BigInt64Array ? Array.from(data, Number) : data };
    }
    return plain;
  });
  last = answer.catch(() => {});
  return answer;
}
