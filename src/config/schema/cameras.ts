// Section `cameras`: one block per camera, of which only the address is mandatory.
import * as v from 'valibot';
import { parseSource } from '../source-url.ts';
import { motion } from './motion.ts';
import { point, polygon } from './places.ts';
import { schedule } from './schedule.ts';
import { fraction, labels, NAME, NAME_RULE, text, wholeNumber } from './values.ts';

const SOURCE_RULE =
  'an address like rtsp://host/path, a file like /path/to/clip.mp4, a device like /dev/video0';

const url = v.pipe(
  v.string(),
  v.check((value) => parseSource(value) !== undefined, SOURCE_RULE),
  v.description(
    'Where the video comes from: an RTSP address, a video file or a V4L2 device. User name and password may be part of it, or have their own keys. Files are played again at their end unless `loop` is false.',
  ),
  v.examples(['rtsp://192.168.1.20:554/stream1', '/dev/video0', '/var/lib/vedette/clip.mp4']),
  v.metadata({ apply: 'camera', environment: true }),
);

const address = {
  url: v.exactOptional(url),
  host: v.exactOptional(
    v.pipe(
      v.string(),
      v.regex(/^[^\s/@:?#]+$|^\[[0-9a-fA-F:.]+\]$/, 'a host name or address without port'),
      v.description('Instead of `url`: host name or address of an RTSP camera.'),
      v.examples(['192.168.1.20']),
      v.metadata({ apply: 'camera', environment: true }),
    ),
  ),
  port: v.exactOptional(
    v.pipe(
      wholeNumber(1, 65535),
      v.description('With `host`: its RTSP port. Absent: 554.'),
      v.examples([554]),
      v.metadata({ apply: 'camera' }),
    ),
  ),
  path: v.exactOptional(
    v.pipe(
      text,
      v.description('With `host`: what follows the slash, as the camera’s manual gives it.'),
      v.examples(['Streaming/Channels/102']),
      v.metadata({ apply: 'camera', environment: true }),
    ),
  ),
  username: v.exactOptional(
    v.pipe(
      text,
      v.description('User name at the camera, written plainly; wins over one inside `url`.'),
      v.examples(['admin']),
      v.metadata({ apply: 'camera', environment: true }),
    ),
  ),
  password: v.exactOptional(
    v.pipe(
      text,
      v.description('Password at the camera, written plainly, without URL encoding.'),
      v.examples(['correct horse']),
      v.metadata({ apply: 'camera', secret: true }),
    ),
  ),
};

/** What is said of one of two streams; what it leaves out, the camera says. */
function streamAt(example: string) {
  return v.strictObject({
    url: v.pipe(
      url,
      v.description('Address of this stream; user name and password may be part of it.'),
      v.examples([example]),
    ),
    transport: v.exactOptional(
      v.pipe(
        v.picklist(['tcp', 'udp']),
        v.description('How RTP travels. Absent: as `transport` of the camera.'),
        v.examples(['udp']),
        v.metadata({ apply: 'camera' }),
      ),
    ),
    max_size: v.exactOptional(
      v.pipe(
        v.tuple([wholeNumber(16, 16384), wholeNumber(16, 16384)]),
        v.description('Largest coded picture. Absent: as `max_size` of the camera.'),
        v.examples([[5120, 2880]]),
        v.metadata({ apply: 'camera' }),
      ),
    ),
  });
}

type StreamSettings = v.InferOutput<ReturnType<typeof streamAt>>;

const streamAddress = v.pipe(
  url,
  v.transform((address): StreamSettings => ({ url: address })),
);

const streams = v.strictObject({
  detect: v.pipe(
    v.union([streamAddress, streamAt('rtsp://192.168.1.20:554/stream2')]),
    v.description(
      'What is decoded and analysed, usually the small stream: its address, or a block with these keys.',
    ),
  ),
  record: v.exactOptional(
    v.pipe(
      v.union([streamAddress, streamAt('rtsp://192.168.1.20:554/stream1')]),
      v.description(
        'What clips are made of, usually the large stream: its address, or a block with these keys. It is opened only while a rule wants clips, and never decoded. Absent: clips are made of what is decoded.',
      ),
    ),
  ),
});

const stream = {
  transport: v.optional(
    v.pipe(
      v.picklist(['tcp', 'udp']),
      v.description(
        'How RTP travels. `udp` saves a little delay and loses frames whenever the network loses a packet.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
    'tcp',
  ),
  decoder: v.optional(
    v.pipe(
      v.picklist(['auto', 'gstreamer', 'ffmpeg']),
      v.description(
        'Which program turns the stream into frames. `auto` takes GStreamer, and FFmpeg where GStreamer cannot open the stream.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
    'auto',
  ),
  decode: v.optional(
    v.pipe(
      v.picklist(['all', 'reference', 'key']),
      v.description(
        'Which frames are decoded. `reference` leaves out those that no other frame needs (B-frames, upper temporal layers), `key` everything but key frames: the cheapest way, with one frame per key frame interval, whatever `fps` asks for.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
    'all',
  ),
  hardware: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Decode in hardware where a decoder was seen to work on this machine. One that fails at a camera is replaced by software there, and the status of the camera says why.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
    true,
  ),
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'When false, no process is started for the camera and its state is `disabled`.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
    true,
  ),
  loop: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Files only: play again at the end. When false the camera ends with its file.'),
      v.metadata({ apply: 'camera' }),
    ),
    true,
  ),
  realtime: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Files only: play at the speed of the timestamps. When false, as fast as frames are analysed.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
    true,
  ),
  max_size: v.optional(
    v.pipe(
      v.tuple([wholeNumber(16, 16384), wholeNumber(16, 16384)]),
      v.description(
        'Largest coded picture, width and height in pixels. A stream that claims more is refused before a decoder sees it; raise it only for cameras that need it.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
    [4096, 2304],
  ),
};

const analysis = {
  ...schedule,
  labels: v.exactOptional(
    v.pipe(
      labels,
      v.minLength(1, 'at least one label'),
      v.description(
        'Only objects with these labels are followed here. Absent: every label of the model.',
      ),
      v.examples([['person', 'car']]),
      v.metadata({ apply: 'live' }),
    ),
  ),
  min_score: v.exactOptional(
    v.pipe(
      fraction,
      v.description(
        'Objects whose best score stays below are not reported by this camera. Higher: fewer false alarms, more misses at a distance. Absent: every confirmed object is reported.',
      ),
      v.examples([0.6]),
      v.metadata({ apply: 'live' }),
    ),
  ),
};

const fourPoints = v.tuple([point, point, point, point]);
const metres = v.tuple([v.number(), v.number()]);

const scene = {
  masks: v.optional(
    v.pipe(
      v.array(polygon),
      v.description('Areas in which nothing is looked at; what stands there does not exist.'),
      v.metadata({ apply: 'live' }),
    ),
    [],
  ),
  ground: v.exactOptional(
    v.pipe(
      v.strictObject({
        picture: v.pipe(
          fourPoints,
          v.description('Four points of a flat ground, `[x, y]` as fractions of the picture.'),
          v.examples([
            [
              [0.2, 0.9],
              [0.8, 0.9],
              [0.6, 0.4],
              [0.4, 0.4],
            ],
          ]),
          v.metadata({ apply: 'live' }),
        ),
        metres: v.pipe(
          v.tuple([metres, metres, metres, metres]),
          v.description('The same four points on the ground, in metres.'),
          v.examples([
            [
              [0, 0],
              [6, 0],
              [6, 20],
              [0, 20],
            ],
          ]),
          v.metadata({ apply: 'live' }),
        ),
      }),
      v.description('How the picture lies on the ground; speeds are measured with it.'),
      v.metadata({ apply: 'live' }),
    ),
  ),
};

const block = v.strictObject({
  ...address,
  streams: v.exactOptional(
    v.pipe(
      streams,
      v.description(
        'Instead of `url`: two streams of the same camera, one to detect on and one to make clips of. `username` and `password` of the camera are for both.',
      ),
      v.metadata({ apply: 'camera' }),
    ),
  ),
  ...stream,
  ...analysis,
  motion: v.optional(motion, {}),
  ...scene,
});

const settings = v.pipe(
  block,
  v.check(
    ({ url, host, streams }) => streams === undefined || (url === undefined && host === undefined),
    'either `url` (or `host`) or `streams`, not both; `streams.detect` takes what `url` says',
  ),
  v.check(
    ({ url, host, streams }) =>
      streams !== undefined || (url === undefined) !== (host === undefined),
    'either `url`, or `host` and `path`, or `streams`',
  ),
  v.check(
    ({ host, port, path }) => host !== undefined || (port === undefined && path === undefined),
    '`port` and `path` only together with `host`',
  ),
  v.transform(normalise),
);

const shortForm = v.pipe(
  url,
  v.transform((address) => v.parse(settings, { url: address })),
);

export const cameras = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(NAME, NAME_RULE)),
    v.pipe(
      v.union([shortForm, settings]),
      v.description('One camera: its address, or a block with these keys.'),
    ),
  ),
  v.minEntries(1, 'at least one camera'),
  v.description(
    'The cameras by their id. The id is part of topics and of stored events: renaming one makes it a new camera. `id: URL` is short for `id: { url: URL }`.',
  ),
);

type Block = v.InferOutput<typeof block>;

/** Where clips come from, when that is not what is decoded. */
type RecordStream = Pick<Block, 'username' | 'password' | 'transport' | 'max_size'> & {
  readonly url: string;
};

/**
 * Leaves one way to say where a camera is: `url`, without credentials, is what is decoded; the credentials stand beside it.
 * `streams.record` is whole in itself, `streams.detect` is gone.
 */
function normalise({ host, port = 554, path = '', streams, ...camera }: Block) {
  const { detect, record } = streams ?? {};
  const url = camera.url ?? `rtsp://${host}:${port}/${path.replace(/^\//, '')}`;
  const second = record && secondStream(record, camera);
  return {
    ...located({ ...camera, url, ...detect }),
    ...(second !== undefined && { streams: { record: second } }),
  };
}

function secondStream(
  record: StreamSettings,
  { username, password, transport, max_size }: Omit<Block, 'url'>,
): RecordStream {
  return located({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    transport,
    max_size,
    ...record,
  });
}

/** Takes the credentials out of the address; keys of their own win. */
function located<Settings extends { readonly url: string }>(settings: Settings) {
  const parts = parseSource(settings.url);
  return { ...parts, ...settings, url: parts?.url ?? settings.url };
}
