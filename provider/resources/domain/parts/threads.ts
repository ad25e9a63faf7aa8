import { itemsOf, type Situation, type XmlPair } from "../../../fields";
import { childrenOf, element, find, findAll, readPath, removeChild, writePath, type XmlElement } from "../../../xml";
import type { Act } from "../live";
import { Impact } from "../flags";

/** The numbers of a machine's I/O threads; libvirt lists them only where they are not simply 1, 2, 3 and so on. */
export function threadsOf(root: XmlElement): readonly number[] {
  const listed = findAll(root, "iothreadids/iothread").map((node) => Number(node.attributes.get("id")));
  const count = Number(readPath(root, "iothreads") ?? 0);
  for (let id = 1; listed.length < count; id++) if (!listed.includes(id)) listed.push(id);
  return listed.sort((a, b) => a - b);
}

/** So many threads, numbered from 1; where libvirt lists them, the list is what it heeds. */
export const threads: XmlPair = {
  read: (root) => threadsOf(root).at(-1),
  write: (root, value) => {
    const most = typeof value === "number" ? value : 0;
    writePath(root, "iothreads", most === 0 ? undefined : String(most));
    const list = find(root, "iothreadids");
    if (!list) return;
    if (most === 0) removeChild(root, list);
    const nodes = childrenOf(list, "iothread");
    for (const node of nodes) if (Number(node.attributes.get("id")) > most) removeChild(list, node);
    const kept = new Set(nodes.map((node) => Number(node.attributes.get("id"))));
    for (let id = 1; id <= most; id++) if (!kept.has(id)) list.children.push(element("iothread", { id: String(id) }));
  },
};

/** libvirt takes no thread away from a disk that the guest has, and gives no disk another one. */
export function threadsChange(_before: unknown, after: unknown, at: Situation): "live" | "restart" {
  const most = typeof after === "number" ? after : 0;
  const stay = new Set(itemsOf(at.after["disks"]).map(({ target }) => target));
  const held = itemsOf(at.live?.["disks"]).some(
    ({ iothread, target }) => typeof iothread === "number" && iothread > most && stay.has(target),
  );
  return held ? "restart" : "live";
}

/** The threads of the definition, in the running guest. */
export const setThreads: Act = async ({ request, found, definition }) => {
  const { host } = request.place;
  const dom = found.handle;
  const there = found.live ? threadsOf(found.live) : [];
  const wanted = threadsOf(definition);
  for (const iothread_id of there.filter((id) => !wanted.includes(id))) {
    await host.call("DOMAIN_DEL_IOTHREAD", { dom, iothread_id, flags: Impact.LIVE });
  }
  for (const iothread_id of wanted.filter((id) => !there.includes(id))) {
    await host.call("DOMAIN_ADD_IOTHREAD", { dom, iothread_id, flags: Impact.LIVE });
  }
};
