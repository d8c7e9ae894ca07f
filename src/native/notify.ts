// Datagrams to the service manager: READY, STATUS, WATCHDOG, STOPPING.
import { callNative, loadNative } from './binding.ts';

interface NotifyExports {
  notifyService(socket: string, message: string): boolean;
}

/**
 * Sends `message`, lines of `NAME=value`, to `socket`: what the service manager put into NOTIFY_SOCKET, a path or an
 * abstract `@name`. Never blocks; false when nobody takes it.
 */
export function notifyService(socket: string, message: string): boolean {
  return callNative(() => loadNative<NotifyExports>().notifyService(socket, message));
}
