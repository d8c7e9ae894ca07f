// An agent reduced to one camera, for tests that kill it: prints the pid of its camera process once that is live.
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { Arena } from '../../src/native/arena.ts';
import { CameraSupervisor } from '../../src/pipeline/supervisor.ts';

const [source = ''] = process.argv.slice(2);
const arena = Arena.create(1 << 20);
const supervisor = new CameraSupervisor({
  plan: {
    ...{ camera: 'only', source, transport: 'tcp', decoder: 'gstreamer', decode: 'all' },
    ...{ loop: true, realtime: true, maxWidthPx: 4096, maxHeightPx: 2304, heldFrames: 3 },
    ...{ arenaBytes: arena.bytes, isEnabled: true },
  },
  ...{ arena, clock: systemClock, log: createLog('silent') },
});
supervisor.start();
setInterval(() => console.log(supervisor.status().state, supervisor.pid), 100);
