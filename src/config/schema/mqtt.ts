// Section `mqtt`: the broker that results and commands go through.
import * as v from 'valibot';
import { path, text } from './values.ts';

const BROKER_URL = /^(mqtts?|wss?):\/\/[^\s/]+(\/\S*)?$/i;

export const mqtt = v.pipe(
  v.strictObject({
    url: v.pipe(
      v.string(),
      v.regex(BROKER_URL, 'mqtt://host, mqtts://host, ws://host/path or wss://host/path'),
      v.description(
        'Address of the broker; `mqtts` and `wss` are encrypted and check its certificate.',
      ),
      v.examples(['mqtt://192.168.1.2:1883']),
      v.metadata({ apply: 'agent', environment: true }),
    ),
    username: v.exactOptional(
      v.pipe(
        text,
        v.description('User name at the broker.'),
        v.examples(['vedette']),
        v.metadata({ apply: 'agent', environment: true }),
      ),
    ),
    password: v.exactOptional(
      v.pipe(
        text,
        v.description('Password at the broker.'),
        v.examples(['correct horse']),
        v.metadata({ apply: 'agent', secret: true }),
      ),
    ),
    ca: v.exactOptional(
      v.pipe(
        path,
        v.description(
          'File with the certificate authority of the broker. Absent: the authorities that Node.js trusts.',
        ),
        v.examples(['/etc/vedette/ca.pem']),
        v.metadata({ apply: 'agent' }),
      ),
    ),
    cert: v.exactOptional(
      v.pipe(
        path,
        v.description('File with the certificate of this device, when the broker asks for one.'),
        v.examples(['/etc/vedette/device.pem']),
        v.metadata({ apply: 'agent' }),
      ),
    ),
    key: v.exactOptional(
      v.pipe(
        path,
        v.description('File with the private key that belongs to `cert`.'),
        v.examples(['/etc/vedette/device.key']),
        v.metadata({ apply: 'agent' }),
      ),
    ),
    client_id: v.exactOptional(
      v.pipe(
        text,
        v.description(
          'Client id at the broker; two clients with one id throw each other out. Absent: `vedette-` and the device name.',
        ),
        v.examples(['vedette-gate-2']),
        v.metadata({ apply: 'agent' }),
      ),
    ),
    prefix: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^[^\s+#/$][^\s+#]*(?<!\/)$/, 'a topic without + # and spaces'),
        v.description(
          'First level of all topics. Changing it moves all topics: consumers must follow.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      'vedette',
    ),
    home_assistant: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          'Announce the device and its cameras to Home Assistant, below its discovery prefix `homeassistant`; events are copied to `cam/<id>/event/ha`. Three entities for each label that a camera follows.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      false,
    ),
    publish_tracks: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          'Publish the tracks of every analysed frame on `cam/<id>/tracks`. Costs one message per camera and frame.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      false,
    ),
  }),
  v.check(
    ({ cert, key }) => (cert === undefined) === (key === undefined),
    '`cert` and `key` together',
  ),
  v.description('The broker that results and commands go through. Absent: nothing is published.'),
);
