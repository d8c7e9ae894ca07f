// Runs an ONNX file over pictures from stdin, so that Python scores what ships in the runtime it ships for.
// infer.mjs model.onnx height width: raw pictures in, as the model's input says: planar or interleaved, bytes or float32; answered
// by one JSON line with the outputs' shapes and then their float32 bytes.
import ort from 'onnxruntime-node';

const [path, height, width] = process.argv.slice(2);
const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
const { name, type, shape: declared } = session.inputMetadata[0];
const shape = declared[3] === 3 ? [1, Number(height), Number(width), 3] : [1, 3, Number(height), Number(width)];
const bytes = 3 * height * width * (type === 'uint8' ? 1 : 4);
const picture = Buffer.alloc(bytes);
let filled = 0;
for await (const chunk of process.stdin) {
  for (let at = 0; at < chunk.length; ) {
    const taken = chunk.copy(picture, filled, at, Math.min(chunk.length, at + bytes - filled));
    at += taken;
    filled += taken;
    if (filled < bytes) continue;
    filled = 0;
    const data = type === 'uint8' ? new Uint8Array(picture) : new Float32Array(picture.buffer.slice(picture.byteOffset, picture.byteOffset + bytes));
    const outputs = await session.run({ [name]: new ort.Tensor(type, data, shape) });
    const found = session.outputNames.map((output) => ({ name: output, shape: outputs[output].dims }));
    process.stdout.write(`${JSON.stringify(found)}\n`);
    for (const output of session.outputNames) {
      const values = outputs[output].data;
      process.stdout.write(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
    }
  }
}
