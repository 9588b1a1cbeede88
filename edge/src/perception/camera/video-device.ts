/**
 * Finds a USB camera again that comes back under another number. Numbers in /dev change with every
 * replug, and the links in /dev/v4l/by-id are missing at times (viamrobotics/rdk#6480), so /sys is
 * asked: https://docs.kernel.org/userspace-api/media/v4l/open.html, attribute `index` 0 is the node
 * that captures.
 */
import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { sourceFailed } from "./source.ts";

/** A capture device of the V4L2 subsystem on USB. */
export interface VideoDevice {
  /** Such as `/dev/video0`. */
  readonly path: string;
  /** `vendor:product`, or `vendor:product:serial`, in lower case. */
  readonly id: string;
  /** Where it is plugged in, such as `1-1.2`. */
  readonly port: string;
}

/** @param sysfs `/sys`, or a copy of its tree */
export async function listVideoDevices(sysfs = "/sys"): Promise<readonly VideoDevice[]> {
  const root = join(sysfs, "class/video4linux");
  const names = await readdir(root).catch(() => []);
  const devices = await Promise.all(names.sort().map((name) => readDevice(root, name)));
  return devices.filter((device) => device !== undefined);
}

async function readDevice(root: string, name: string): Promise<VideoDevice | undefined> {
  try {
    if ((await attribute(join(root, name), "index")) !== "0") return undefined;
    const usb = dirname(await realpath(join(root, name, "device")));
    const vendor = await attribute(usb, "idVendor");
    const product = await attribute(usb, "idProduct");
    const serial = await attribute(usb, "serial").catch(() => "");
    const id = [vendor, product, serial.replaceAll(/[\s:/]/g, "_")].filter(Boolean).join(":");
    return { path: `/dev/${name}`, id: id.toLowerCase(), port: basename(usb) };
  } catch {
    return undefined; // not on USB, or unplugged this moment
  }
}

async function attribute(folder: string, name: string): Promise<string> {
  return (await readFile(join(folder, name), "utf8")).trim();
}

/**
 * Which of the devices is meant.
 * @param wanted `usb:vendor:product[:serial][@port]`
 * @throws AppError `source-failed` where none is, or more than one
 */
export function chooseDevice(devices: readonly VideoDevice[], wanted: string): VideoDevice {
  const [id = "", port] = wanted.replace(/^usb:/, "").toLowerCase().split("@");
  const alike = devices.filter((one) => one.id === id || one.id.startsWith(`${id}:`));
  const found = port === undefined ? alike : alike.filter((one) => one.port === port);
  const [only, second] = found;
  if (only !== undefined && second === undefined) return only;
  const list = (some: readonly VideoDevice[]) =>
    some.map((one) => `usb:${one.id}@${one.port}`).join(", ") || "none";
  throw sourceFailed(
    only === undefined
      ? `the camera ${wanted} is not plugged in; connected are ${list(devices)}`
      : `${found.length} cameras are ${wanted}; name one of ${list(found)}`,
  );
}

/**
 * Follows one camera through replugging. A path is looked up once and remembered by what the device
 * is; a device that is not on USB keeps its path.
 */
export class VideoDeviceFinder {
  readonly #wanted: string;
  readonly #list: () => Promise<readonly VideoDevice[]>;
  #known: VideoDevice | undefined;

  /** @param wanted path below /dev, or `usb:…` as `chooseDevice` takes it */
  constructor(wanted: string, list: () => Promise<readonly VideoDevice[]> = listVideoDevices) {
    this.#wanted = wanted;
    this.#list = list;
  }

  /** The path now. @throws AppError as `chooseDevice` */
  async path(): Promise<string> {
    const devices = await this.#list();
    if (this.#wanted.startsWith("usb:")) return chooseDevice(devices, this.#wanted).path;
    const before = this.#known;
    const here = devices.find(({ path }) => path === this.#wanted);
    if (before === undefined) {
      this.#known = here;
      return this.#wanted;
    }
    const same = devices.filter(({ id }) => id === before.id);
    const samePort = same.find(({ port }) => port === before.port);
    return (samePort ?? (same.length === 1 ? same[0] : undefined))?.path ?? this.#wanted;
  }
}
