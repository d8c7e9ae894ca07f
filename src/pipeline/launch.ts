// Launch lines for GStreamer, generated from a camera's order: pure, and free of anything a person wrote.
//
// A line names a source and a `vedettebranch`, which links itself to the first video stream of the element `streams` and
// builds one of several branches once that stream's caps are known. URL, path and credentials never stand in a line: they are properties of the source element.
import { intoMemory, SOFTWARE_DECODERS } from '../contracts/decoder.ts';
import type { CameraOrder, Codec } from '../contracts/ticket.ts';
import type { Source } from './source.ts';

export interface Branch {
  readonly codec: Codec;
  /** The element that decodes; `none` when nothing has to be, or shall be, decoded. */
  readonly decoder: string;
  readonly isHardware: boolean;
  /** The stream this branch is for. */
  readonly caps: string;
  readonly line: string;
}

export interface Launch {
  readonly line: string;
  /** In the order in which they are tried. */
  readonly branches: readonly Branch[];
  /** The element that gets the properties of `source` before it starts; those it lacks in this version are left out. */
  readonly sourceName: string;
  readonly source: Readonly<Record<string, string | boolean>>;
}

/** The element names that `launch` gives and decode-gstreamer.ts looks for. */
export const NAMES = {
  source: 'source',
  /** Gives its pads while it runs; native/gst/branch_element.cpp looks for it. */
  streams: 'streams',
  branch: 'branch',
  /** Only a hardware decoder has it: its errors are told apart from those of a camera. */
  hardware: 'decoder',
  /** native/gst/units_element.cpp gives it a second thread for streams beyond Full HD. */
  software: 'software',
  frames: 'frames',
  units: 'units',
} as const;

interface Format {
  readonly codec: Codec;
  /** Caps of the stream in a file or from a device. */
  readonly media: string;
  /** Name in RTP caps and the element that takes it out of RTP; absent: not accepted from cameras. */
  readonly rtp?: { readonly encoding: string; readonly depay: string };
  readonly parse?: string;
  /** What the branch of access units needs, besides the size; absent: there is none. */
  readonly parsed?: string;
  /** Software decoders, best first. */
  readonly software: readonly [string, ...string[]];
}

const FORMATS: readonly Format[] = [
  {
    codec: 'h264',
    media: 'video/x-h264',
    rtp: { encoding: 'H264', depay: 'rtph264depay wait-for-keyframe=true' },
    parse: 'h264parse config-interval=-1',
    parsed: 'video/x-h264,stream-format=byte-stream,alignment=au',
    software: SOFTWARE_DECODERS.h264,
  },
  {
    codec: 'h265',
    media: 'video/x-h265',
    rtp: { encoding: 'H265', depay: 'rtph265depay' },
    parse: 'h265parse config-interval=-1',
    parsed: 'video/x-h265,stream-format=byte-stream,alignment=au',
    software: SOFTWARE_DECODERS.h265,
  },
  {
    codec: 'mjpeg',
    media: 'image/jpeg',
    rtp: { encoding: 'JPEG', depay: 'rtpjpegdepay' },
    parse: 'jpegparse',
    parsed: 'image/jpeg',
    software: SOFTWARE_DECODERS.mjpeg,
  },
  // Old cameras and files; decoded in software, no access units.
  {
    codec: 'other',
    media: 'video/mpeg,mpegversion=4',
    rtp: { encoding: 'MP4V-ES', depay: 'rtpmp4vdepay' },
    parse: 'mpeg4videoparse',
    software: ['avdec_mpeg4'],
  },
  { codec: 'other', media: 'video/x-divx', software: ['avdec_mpeg4'] },
  { codec: 'other', media: 'video/mpeg,mpegversion=[1,2]', software: ['avdec_mpeg2video'] },
  {
    codec: 'other',
    media: 'video/x-vp8',
    rtp: { encoding: 'VP8', depay: 'rtpvp8depay' },
    software: ['vp8dec', 'avdec_vp8'],
  },
  { codec: 'other', media: 'video/x-vp9', software: ['vp9dec', 'avdec_vp9'] },
  { codec: 'other', media: 'video/x-av1', software: ['dav1ddec', 'av1dec'] },
];

/** Camera firmwares answer within a second; what is silent for 5 s is gone. Microseconds. */
const SILENCE_US = 5_000_000;
/** How long a gap between packets may stay open over UDP. Packets in order pass at once, so only the first one waits for this. */
const JITTER_MS = 200;
/** Pictures of a camera that are decoded later than this show what is over: the decoder goes on with the next key frame. */
const MAX_LATE_MS = 1000;

/** `has` tells which elements this machine has. */
export function launch(
  order: CameraOrder,
  source: Source,
  has: (element: string) => boolean,
): Launch {
  const branch = `vedettebranch name=${NAMES.branch}`;
  switch (source.kind) {
    case 'rtsp':
      return {
        line: `${rtspSource(order)} ${branch}`,
        branches: FORMATS.flatMap((format) => rtpBranch(format, order, source, has) ?? []),
        sourceName: NAMES.streams,
        source: rtspProperties(order, source.url),
      };
    case 'file':
      return {
        line: `filesrc name=${NAMES.source} ! parsebin name=${NAMES.streams} ${branch}`,
        branches: plainBranches(order, source, has),
        sourceName: NAMES.source,
        source: { location: source.path },
      };
    case 'device':
      return {
        line: `v4l2src name=${NAMES.source} ! ${branch}`,
        branches: plainBranches(order, source, has),
        sourceName: NAMES.source,
        source: { device: source.path },
      };
  }
}

/** Whether this machine has an element for H.264, which every camera can send. */
export function canDecode(order: CameraOrder, has: (element: string) => boolean): boolean {
  return FORMATS.some(
    (format) => format.codec === 'h264' && has(chooseDecoder(order, format, has).decoder),
  );
}

/** The text for the `lines` property of `vedettebranch`. */
export function branchLines(branches: readonly Branch[]): string {
  return branches.map((branch) => `${branch.caps} => ${branch.line}`).join('\n');
}

function bounded(caps: string, order: CameraOrder): string {
  return `${caps},width=[1,${order.maxWidthPx}],height=[1,${order.maxHeightPx}]`;
}

/**
 * `buffer-mode=none`: presentation times are the camera's own. The default estimates clock skew from arrival times, which
 * B-frames confuse: frames 100 ms apart came out 24 to 245 ms apart. Over TCP packets cannot overtake one another.
 */
function rtspSource(order: CameraOrder): string {
  const jitter = order.transport === 'udp' ? `${JITTER_MS} drop-on-latency=true` : '0';
  return `rtspsrc name=${NAMES.streams} protocols=${order.transport} buffer-mode=none latency=${jitter} timeout=${SILENCE_US} tcp-timeout=${SILENCE_US}`;
}

function rtspProperties(order: CameraOrder, url: string): Record<string, string | boolean> {
  return {
    location: url,
    'user-agent': 'Vedette',
    'add-reference-timestamp-meta': true,
    ...(order.username === undefined ? {} : { 'user-id': order.username }),
    ...(order.password === undefined ? {} : { 'user-pw': order.password }),
  };
}

function rtpBranch(
  format: Format,
  order: CameraOrder,
  source: Source,
  has: (element: string) => boolean,
): Branch | undefined {
  if (format.rtp === undefined) return undefined;
  if (order.decode === 'none' && format.parsed === undefined) return undefined;
  const chosen = chooseDecoder(order, format, has);
  return {
    codec: format.codec,
    ...chosen,
    caps: `application/x-rtp,media=video,encoding-name=${format.rtp.encoding}`,
    line: `${format.rtp.depay} ! ${decode(order, source, format, chosen)}`,
  };
}

function plainBranches(
  order: CameraOrder,
  source: Source,
  has: (element: string) => boolean,
): readonly Branch[] {
  const isRecorded = order.decode === 'none';
  const formats = FORMATS.filter(({ parsed }) => !isRecorded || parsed !== undefined);
  const branches = formats.map((format): Branch => {
    const chosen = chooseDecoder(order, format, has);
    return {
      codec: format.codec,
      ...chosen,
      caps: bounded(format.media, order),
      line: decode(order, source, format, chosen),
    };
  });
  if (isRecorded) return branches;
  const raw: Branch = {
    codec: 'other',
    decoder: 'none',
    isHardware: false,
    caps: bounded('video/x-raw', order),
    line: sink(order, source),
  };
  return [...branches, raw];
}

function decode(order: CameraOrder, source: Source, format: Format, chosen: Chosen): string {
  return [
    ...(format.parse === undefined ? [] : [format.parse]),
    `capsfilter caps="${bounded(format.parsed ?? format.media, order)}"`,
    ...(format.parsed === undefined ? [] : [units(order, source)]),
    ...(order.decode === 'none' ? [end(order, source)] : decoded(order, source, chosen)),
  ].join(' ! ');
}

function decoded(order: CameraOrder, source: Source, chosen: Chosen): string[] {
  return [...backlog(order, source), decoderLine(chosen), sink(order, source)];
}

/**
 * A thread of its own for the decoder, where pictures that are decoded slowly would cost data: datagrams wait in the jitter
 * buffer for its latency only, a device has few buffers. TCP and files wait, and a frame takes one switch of threads less.
 */
function backlog({ transport }: CameraOrder, { kind }: Source): string[] {
  if (kind === 'file' || (kind === 'rtsp' && transport === 'tcp')) return [];
  return ['queue max-size-buffers=16 max-size-bytes=16777216 max-size-time=0'];
}

/** Where the access units have been taken already. Files are played at their speed, as a camera would send them. */
function end(order: CameraOrder, source: Source): string {
  return `fakesink sync=${isPlayed(order, source)}`;
}

/** The capsfilter bounds the size after cropping, this element the coded one, and of a camera the age of what is decoded. */
function units({ maxWidthPx, maxHeightPx, decode: wanted }: CameraOrder, { kind }: Source): string {
  const decode = wanted === 'none' ? 'all' : wanted;
  const size = `max-width=${maxWidthPx} max-height=${maxHeightPx}`;
  const late = kind === 'rtsp' && wanted !== 'none' ? ` max-late=${MAX_LATE_MS}` : '';
  return `vedetteunits name=${NAMES.units} ${size} decode=${decode}${late}`;
}

type Chosen = Pick<Branch, 'decoder' | 'isHardware'>;

/** The hardware decoder of this codec, else the first software decoder that is there. */
function chooseDecoder(
  { decode, decoders }: CameraOrder,
  { codec, software }: Format,
  has: (element: string) => boolean,
): Chosen {
  if (decode === 'none') return { decoder: 'none', isHardware: false };
  const hardware = codec === 'other' ? undefined : decoders?.[codec];
  if (hardware !== undefined && isName(hardware) && has(hardware)) {
    return { decoder: hardware, isHardware: true };
  }
  return { decoder: software.find(has) ?? software[0], isHardware: false };
}

function isName(element: string): boolean {
  return /^[a-z0-9_]+$/.test(element);
}

function decoderLine({ decoder, isHardware }: Chosen): string {
  if (isHardware) return `${decoder} name=${NAMES.hardware} ! ${intoMemory(decoder)}`;
  if (decoder.startsWith('vedette')) return `${decoder} name=${NAMES.software} max-threads=1`;
  if (!decoder.startsWith('avdec_')) return decoder;
  return `${decoder} name=${NAMES.software} max-threads=1 output-corrupt=false`;
}

/** So that decoding does not stand still while the picture before waits to be printed. */
const ONE_AHEAD = 'queue max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! ';

/** `videoconvert` passes through what the print kernel reads itself, and converts the rest (10 bit, 4:2:2 planar). */
function sink(order: CameraOrder, source: Source): string {
  const paced = source.kind !== 'file' || order.realtime;
  const sync = isPlayed(order, source);
  return `${paced ? '' : ONE_AHEAD}videoconvert ! vedetteframes name=${NAMES.frames} held-frames=${order.heldFrames} sync=${sync} paced=${paced}`;
}

function isPlayed(order: CameraOrder, source: Source): boolean {
  return source.kind === 'file' && order.realtime;
}
