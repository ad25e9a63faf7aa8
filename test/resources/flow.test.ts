import { flag, type Path, UNKNOWN, type Values } from "../../provider/fields";
import { PartialFailure, Refusal, type Request, type Resource } from "../../provider/resources/port";
import { ownedName, ownedUuid } from "../../provider/resources/owner";
import { boxes, requestOn, Shelf, table } from "./memory";

let shelf: Shelf;
let box: Resource;
beforeEach(() => {
  shelf = new Shelf();
  box = boxes(shelf);
});

const { owner } = requestOn(new Shelf());

async function checked(news: Values, olds?: Values, more: Partial<Request> = {}): Promise<Values> {
  const { inputs, failures } = await box.check(requestOn(shelf, more), olds, news);
  expect(failures).toEqual([]);
  return inputs;
}

/** A box that an up made, with its state. */
async function made(news: Values = {}): Promise<{ id: string; outputs: Values; inputs: Values }> {
  const inputs = await checked(news);
  return { ...(await box.create(requestOn(shelf), inputs)), inputs };
}

/** The error of something that must fail. */
async function failure(act: Promise<unknown>): Promise<Error> {
  return act.then(
    () => {
      throw new Error("it worked");
    },
    (error: unknown) => error as Error,
  );
}

/** The partial failure of something that must end so. */
async function partial(act: Promise<unknown>): Promise<PartialFailure> {
  const error = await failure(act);
  if (error instanceof PartialFailure) return error;
  throw error;
}

describe("check", () => {
  it("gives a name that is the same on every run, and says that it was filled in", async () => {
    const first = await checked({});
    expect(first).toEqual({ name: ownedName(owner, {}), size: 1, __defaults: ["size", "name"] });
    expect(await checked({})).toEqual(first);
    expect(await checked({}, first)).toEqual(first);
  });

  it("gives another name when a value changes that replaces, so that the new stands beside the old", async () => {
    const [a, b] = [await checked({ room: "a" }), await checked({ room: "b" })];
    expect(a["name"]).not.toBe(b["name"]);
    expect((await checked({ room: "b" }, a))["name"]).toBe(b["name"]);
    expect((await checked({ room: "a", title: "t" }, a))["name"]).toBe(a["name"]);
  });

  it("keeps a filled name of the state, also one that an older version chose", async () => {
    const olds = { name: "older-1234567", size: 1, __defaults: ["size", "name"] };
    expect((await checked({ title: "t" }, olds))["name"]).toBe("older-1234567");
    expect((await checked({ room: "b" }, olds))["name"]).not.toBe("older-1234567");
  });

  it("goes back to its own name when the program takes one back", async () => {
    expect((await checked({}, { name: "given", size: 1, __defaults: ["size"] }))["name"]).toBe(ownedName(owner, {}));
  });

  it("does not know the name while the identity is not known", async () => {
    const inputs = await checked({ room: UNKNOWN });
    expect(inputs["name"]).toBe(UNKNOWN);
    expect(inputs["__defaults"]).toEqual(["size", "name"]);
  });

  it("takes a given name as it is", async () => {
    expect(await checked({ name: "mine", size: 2 })).toEqual({ name: "mine", size: 2 });
  });

  it("honours autonaming, once: the name stays when another one is proposed", async () => {
    const first = await checked({}, undefined, { autonaming: "box-111" });
    expect(first["name"]).toBe("box-111");
    const again = await checked({ title: "t" }, first, { autonaming: "box-222" });
    expect(again["name"]).toBe("box-111");
    const own = await checked({}, undefined);
    expect(own["name"]).toBe(ownedName(owner, {}));
  });

  it("keeps what has the wrong type from code that trusts the type", async () => {
    const asked: Values[] = [];
    box = boxes(shelf, {
      checkMore: (_request, _olds, inputs) => {
        asked.push(inputs);
        return Promise.resolve({ inputs, failures: [{ property: "title", reason: "is not to our taste" }] });
      },
    });
    const wrong = await box.check(requestOn(shelf), undefined, { title: 7 });
    expect(wrong.failures).toEqual([{ property: "title", reason: "must be text, not number 7" }]);
    expect(asked).toEqual([]);
    const right = await box.check(requestOn(shelf), undefined, { title: "t" });
    expect(right.failures).toEqual([{ property: "title", reason: "is not to our taste" }]);
  });

  it("asks no host", async () => {
    shelf.away = true;
    expect((await checked({}))["size"]).toBe(1);
  });
});

describe("an account that may only look", () => {
  it("sees changes and makes none", async () => {
    const { id, outputs, inputs } = await made();
    shelf.denied = "look, and do not touch";
    const news = await checked({ title: "t" }, inputs);
    expect(await box.diff(requestOn(shelf), id, outputs, news)).toMatchObject({ changes: true });
    const acts = [
      () => box.create(requestOn(shelf, { name: "other" }), inputs),
      () => box.update(requestOn(shelf), id, outputs, news),
      () => box.delete(requestOn(shelf), id, outputs),
    ];
    for (const act of acts) expect(await failure(act())).toEqual(new Refusal("look, and do not touch"));
    expect(shelf.acts).toEqual(["make " + String(inputs["name"])]);
  });
});

describe("create", () => {
  it("makes the object under the id that was known before, and records where and which life", async () => {
    const { id, outputs, inputs } = await made({ title: "t" });
    expect(id).toBe(ownedUuid(owner, {}));
    expect(outputs).toEqual({
      ...inputs,
      uuid: id,
      __host: "host-a",
      __incarnation: shelf.boxes.get(id)?.mark?.incarnation,
    });
    expect(outputs["__incarnation"]).toMatch(/^[0-9a-f]{16}$/);
    expect(shelf.boxes.get(id)?.mark?.owner).toBe("o/p/dev::kvm:index:Box::web");
  });

  it("refuses a finished object of its own, and does not touch it", async () => {
    const { inputs } = await made();
    const error = await failure(box.create(requestOn(shelf), inputs));
    expect(error).toBeInstanceOf(Refusal);
    expect(error.message).toMatch(
      /box "web-[0-9a-f]{7}" \(.*\) exists on the host already; it belongs to o\/p\/dev::kvm:index:Box::web \(a run that was interrupted.*\)\. It was not touched\..*adopt: true/,
    );
    expect(shelf.acts).toHaveLength(1);
  });

  it("refuses another owner's object of that name, and names the owner", async () => {
    await made({ name: "shared" });
    const error = await failure(box.create(requestOn(shelf, { stack: "prod" }), { name: "shared", size: 1 }));
    expect(error.message).toContain("belongs to o/p/dev::kvm:index:Box::web. It was not touched");
    expect(error).toBeInstanceOf(Refusal);
    expect(shelf.acts).toEqual(["make shared"]);
  });

  it("refuses an object that nobody marked", async () => {
    shelf.boxes.set("x", { id: "x", name: "shared", values: {}, finished: true });
    expect((await failure(made({ name: "shared" }))).message).toContain("it carries no owner");
    expect(shelf.acts).toEqual([]);
  });

  it("adopts under the object's own id, as a new life", async () => {
    const first = await made({ name: "shared" });
    const adopted = await box.create(requestOn(shelf, { stack: "prod" }), { name: "shared", size: 1, adopt: true });
    expect(adopted.id).toBe(first.id);
    expect(adopted.outputs["__incarnation"]).not.toBe(first.outputs["__incarnation"]);
    expect(shelf.boxes.get(first.id)?.mark?.owner).toBe("o/p/prod::kvm:index:Box::web");
    await box.delete(requestOn(shelf), first.id, first.outputs);
    expect(shelf.acts).toEqual(["make shared", "change shared"]);
  });

  it("goes on with its own that is unfinished, whatever its inputs, as a new life that the former delete does not meet", async () => {
    shelf.fails = { when: "after", error: new Error("the power went") };
    const broken = await partial(made({ title: "a" }));
    shelf.fails = undefined;
    const { id, outputs } = await made({ title: "b" });
    expect(id).toBe(broken.id);
    expect(outputs["__incarnation"]).not.toBe(broken.outputs["__incarnation"]);
    await box.delete(requestOn(shelf), id, broken.outputs);
    expect(shelf.boxes.size).toBe(1);
    expect(shelf.boxes.get(id)?.values["title"]).toBe("b");
  });

  it("is not met by the delete that follows a forced replace, though nothing on it tells the lives apart", async () => {
    const { id, outputs } = await made();
    const bare = shelf.boxes.get(id);
    shelf.boxes.set(id, { id, name: bare?.name ?? "", values: bare?.values ?? {}, finished: true });
    const again = await made({ adopt: true });
    expect(again.id).toBe(id);
    shelf.boxes.set(id, { id, name: bare?.name ?? "", values: bare?.values ?? {}, finished: true });
    await box.delete(requestOn(shelf), id, outputs);
    expect(shelf.boxes.has(id)).toBe(true);
    await box.delete(requestOn(shelf), id, again.outputs);
    expect(shelf.boxes.has(id)).toBe(false);
  });

  it("is adopted only as it is: what would replace it is refused", async () => {
    await made({ name: "shared", room: "a" });
    const request = requestOn(shelf, { stack: "prod" });
    const error = await failure(box.create(request, { name: "shared", room: "b", size: 1, adopt: true }));
    expect(error.message).toContain("was not adopted: it differs from the program in room");
    expect(shelf.acts).toEqual(["make shared"]);
  });

  it("does not go on with another owner's that is unfinished", async () => {
    shelf.fails = { when: "after", error: new Error("the power went") };
    await failure(made({ name: "shared" }));
    shelf.fails = undefined;
    const error = await failure(box.create(requestOn(shelf, { stack: "prod" }), { name: "shared", size: 1 }));
    expect(error).toBeInstanceOf(Refusal);
  });
});

describe("a create that fails", () => {
  it("is a plain error while nothing exists: the engine may forget it", async () => {
    shelf.fails = { when: "before", error: new Error("disk full") };
    const error = await failure(made());
    expect(error).not.toBeInstanceOf(PartialFailure);
    expect(error.message).toBe("disk full");
  });

  it("is a plain error when the host never answered", async () => {
    shelf.away = true;
    const inputs = await checked({});
    const error = await failure(box.create(requestOn(shelf), inputs));
    expect([error.name, error.message]).toEqual(["ConnectionError", "no answer"]);
  });

  it("is partial once the object exists: its id, its life and what is known of it are kept", async () => {
    const cause = new Error("it did not start");
    shelf.fails = { when: "after", error: cause };
    const error = await partial(made({ title: "t" }));
    expect(error.id).toBe(ownedUuid(owner, {}));
    expect(error.message).toBe("it did not start");
    expect(error.cause).toBe(cause);
    expect(error.outputs).toMatchObject({ title: "t", uuid: error.id, __host: "host-a", __unfinished: true });
    expect(error.outputs["__incarnation"]).toBe(shelf.boxes.get(error.id)?.mark?.incarnation);
  });

  it("is partial when the host cannot say whether the object exists", async () => {
    shelf.fails = { when: "before", error: new Error("connection reset"), thenAway: true };
    const error = await partial(made());
    expect(error.id).toBe(ownedUuid(owner, {}));
    expect(error.outputs).toMatchObject({ __host: "host-a", __unfinished: true });
  });

  it("shows as a change until an update has finished it", async () => {
    shelf.fails = { when: "after", error: new Error("it did not start") };
    const { id, outputs } = await partial(made());
    shelf.fails = undefined;
    const inputs = await checked({});
    const diff = await box.diff(requestOn(shelf, { oldInputs: inputs }), id, outputs, inputs);
    expect([diff.differences, diff.changes]).toEqual([[], true]);
    const updated = await box.update(requestOn(shelf, { oldInputs: inputs }), id, outputs, inputs);
    expect(updated.outputs["__unfinished"]).toBeUndefined();
    expect(updated.outputs["__incarnation"]).toBe(outputs["__incarnation"]);
    const after = await box.diff(requestOn(shelf, { oldInputs: inputs }), id, updated.outputs, inputs);
    expect(after.changes).toBe(false);
  });
});

describe("update", () => {
  it("changes the object and keeps its life", async () => {
    const { id, outputs, inputs } = await made();
    const news = await checked({ title: "t" }, inputs);
    const updated = await box.update(requestOn(shelf, { oldInputs: inputs }), id, outputs, news);
    expect(updated.outputs).toEqual({ ...outputs, title: "t" });
  });

  it("leaves alone what ignoreChanges names, though another property is changed", async () => {
    const { id, outputs, inputs } = await made({ title: "ours", size: 2 });
    const standing = shelf.boxes.get(id)!;
    shelf.boxes.set(id, { ...standing, values: { ...standing.values, title: "theirs", size: 8 } });
    const request = requestOn(shelf, { oldInputs: inputs, ignores: ([name]) => name === "title" });
    await box.update(request, id, outputs, { ...inputs, size: 4 });
    expect(shelf.boxes.get(id)?.values).toMatchObject({ title: "theirs", size: 4 });
  });

  it("leaves alone the key of a map that ignoreChanges names, though another is changed", async () => {
    const { id, outputs, inputs } = await made({ labels: { a: "ours", b: "1", gone: "ours" } });
    const standing = shelf.boxes.get(id)!;
    shelf.boxes.set(id, { ...standing, values: { ...standing.values, labels: { a: "theirs", b: "1" } } });
    const ignores = ([name, key]: Path): boolean => name === "labels" && key !== "b";
    const request = requestOn(shelf, { oldInputs: inputs, ignores });
    await box.update(request, id, outputs, { ...inputs, labels: { a: "ours", b: "2", gone: "ours" } });
    expect(shelf.boxes.get(id)?.values["labels"]).toEqual({ a: "theirs", b: "2" });
  });

  it("is partial when it breaks off: the object is there", async () => {
    const { id, outputs, inputs } = await made();
    shelf.fails = { when: "before", error: new Error("no") };
    const error = await failure(box.update(requestOn(shelf, { oldInputs: inputs }), id, outputs, inputs));
    expect(error).toMatchObject({ name: "PartialFailure", id, outputs: { __unfinished: true } });
  });

  it("refuses another life of the object", async () => {
    const { id, outputs, inputs } = await made();
    const before = shelf.boxes.get(id);
    const error = await failure(
      box.update(requestOn(shelf, { oldInputs: inputs }), id, { ...outputs, __incarnation: "0".repeat(16) }, inputs),
    );
    expect(error).toBeInstanceOf(Refusal);
    expect(error.message).toContain("is not the one of this state; it belongs to o/p/dev::kvm:index:Box::web");
    expect(shelf.boxes.get(id)).toBe(before);
  });

  it("refuses another host", async () => {
    const { id, outputs, inputs } = await made();
    shelf.host = "host-b";
    const error = await failure(box.update(requestOn(shelf, { oldInputs: inputs }), id, outputs, inputs));
    expect(error).toBeInstanceOf(Refusal);
    expect(error.message).toMatch(/lives on the host host-a, but qemu:\/\/\/system reaches host-b now/);
    expect(shelf.acts).toHaveLength(1);
  });

  it("makes an object again that is gone", async () => {
    const { id, outputs, inputs } = await made();
    shelf.boxes.clear();
    await box.update(requestOn(shelf, { oldInputs: inputs }), id, outputs, inputs);
    expect([...shelf.boxes.keys()]).toEqual([id]);
  });

  it("takes an imported object without a mark, and refuses another owner's", async () => {
    shelf.boxes.set("x", { id: "x", name: "n", values: { name: "n" }, finished: true });
    await box.update(requestOn(shelf), "x", { name: "n" }, { name: "n", size: 1 });
    expect(shelf.boxes.get("x")?.mark?.owner).toBe("o/p/dev::kvm:index:Box::web");
    const error = await failure(box.update(requestOn(shelf, { stack: "prod" }), "x", { name: "n" }, { name: "n" }));
    expect(error.message).toContain("it belongs to o/p/dev::kvm:index:Box::web");
  });
});

describe("delete", () => {
  it("takes the object away, and succeeds once more", async () => {
    const { id, outputs } = await made();
    await box.delete(requestOn(shelf), id, outputs);
    expect(shelf.boxes.size).toBe(0);
    await box.delete(requestOn(shelf), id, outputs);
  });

  it("touches no later life of the object, and succeeds", async () => {
    const { id, outputs } = await made();
    const request = requestOn(shelf);
    await box.delete(request, id, { ...outputs, __incarnation: "0".repeat(16) });
    expect(shelf.boxes.size).toBe(1);
    expect(request.heard.warn.join()).toContain("is a later one");
  });

  it("does nothing on another host, and nothing when the host is away", async () => {
    const { id, outputs } = await made();
    shelf.host = "host-b";
    expect(await failure(box.delete(requestOn(shelf), id, outputs))).toBeInstanceOf(Refusal);
    shelf.away = true;
    expect((await failure(box.delete(requestOn(shelf), id, outputs))).name).toBe("ConnectionError");
    expect(shelf.boxes.size).toBe(1);
  });

  it("is refused by deletionProtection, and passes where the object is gone already", async () => {
    const { id, outputs } = await made({ deletionProtection: true });
    const error = await failure(box.delete(requestOn(shelf), id, outputs));
    expect(error.message).toMatch(/has deletionProtection and would be deleted: set it to false/);
    expect(shelf.boxes.size).toBe(1);
    shelf.boxes.clear();
    await box.delete(requestOn(shelf), id, outputs);
  });

  it("takes an imported object that nobody marked, and refuses one that another owner did", async () => {
    shelf.boxes.set("x", { id: "x", name: "n", values: {}, finished: true });
    await box.delete(requestOn(shelf), "x", { name: "n" });
    expect(shelf.boxes.size).toBe(0);
    const { id } = await made();
    const error = await failure(box.delete(requestOn(shelf, { stack: "prod" }), id, { name: "n" }));
    expect(error).toBeInstanceOf(Refusal);
    expect(error.message).toContain("o/p/dev::kvm:index:Box::web");
    expect(shelf.boxes.size).toBe(1);
  });
});

describe("read", () => {
  it("says what the host says, in the program's inputs", async () => {
    const { id, outputs, inputs } = await made({ title: "a" });
    expect(await box.read(requestOn(shelf, { oldInputs: inputs }), id, outputs)).toEqual({ id, inputs, outputs });
    const drifted = { ...shelf.boxes.get(id)!, values: { ...inputs, title: "b", extra: 1 } };
    shelf.boxes.set(id, drifted);
    const read = await box.read(requestOn(shelf, { oldInputs: inputs }), id, outputs);
    expect(read?.inputs).toEqual({ ...inputs, title: "b" });
  });

  it("is undefined only when the host says that the object is gone", async () => {
    const { id, outputs } = await made();
    shelf.boxes.clear();
    expect(await box.read(requestOn(shelf), id, outputs)).toBeUndefined();
    shelf.away = true;
    expect((await failure(box.read(requestOn(shelf), id, outputs))).name).toBe("ConnectionError");
    shelf.away = false;
    shelf.host = "host-b";
    expect(await failure(box.read(requestOn(shelf), id, outputs))).toBeInstanceOf(Refusal);
  });

  it("of an import takes over a mark of its own owner, and of no other", async () => {
    const { id, outputs } = await made();
    const mine = await box.read(requestOn(shelf), id, {});
    expect(mine?.outputs["__incarnation"]).toBe(outputs["__incarnation"]);
    const other = await box.read(requestOn(shelf, { stack: "prod" }), id, {});
    expect(other?.outputs).not.toHaveProperty("__incarnation");
    expect(other?.outputs["__host"]).toBe("host-a");
  });

  it("keeps what is unfinished unfinished", async () => {
    const { id, outputs } = await made();
    const read = await box.read(requestOn(shelf), id, { ...outputs, __unfinished: true });
    expect(read?.outputs["__unfinished"]).toBe(true);
  });
});

describe("diff", () => {
  it("sees drift though no input changed", async () => {
    const { id, outputs, inputs } = await made({ title: "a" });
    shelf.boxes.set(id, { ...shelf.boxes.get(id)!, values: { ...inputs, title: "by hand" } });
    const diff = await box.diff(requestOn(shelf, { oldInputs: inputs }), id, outputs, inputs);
    expect(diff.differences).toMatchObject([{ path: ["title"], kind: "update", before: "by hand", after: "a" }]);
    expect([diff.changes, diff.replaces, diff.stables]).toEqual([true, [], ["uuid"]]);
  });

  it("calls for an update when the object is gone", async () => {
    const { id, outputs, inputs } = await made();
    shelf.boxes.clear();
    const request = requestOn(shelf, { oldInputs: inputs });
    expect(await box.diff(request, id, outputs, inputs)).toMatchObject({
      differences: [],
      replaces: [],
      changes: true,
    });
    expect(request.heard.info.join()).toContain("is gone from the host; it will be made again");
  });

  it("is refused when the object is gone, and another one has its name; an update too", async () => {
    const { id, outputs, inputs } = await made({ name: "web" });
    const request = requestOn(shelf, { oldInputs: inputs });
    shelf.boxes.clear();
    shelf.boxes.set("theirs", { id: "theirs", name: "web", values: {}, finished: true });
    const told = `box "web" is another one now (theirs, not ${id}): other hands made it again. It was not touched. `;
    for (const act of [box.diff(request, id, outputs, inputs), box.update(request, id, outputs, inputs)]) {
      const error = await failure(act);
      expect([error.name, error.message.startsWith(told)]).toEqual(["Refusal", true]);
    }
    expect([...shelf.boxes.keys()]).toEqual(["theirs"]);
  });

  it("is refused when the object is gone, and somebody holds what it was; update and create too", async () => {
    const { id, outputs, inputs } = await made();
    shelf.boxes.clear();
    box = boxes(shelf, { forbidMaking: (_, held) => Promise.resolve(`${held} is held`) });
    const request = requestOn(shelf, { oldInputs: inputs });
    const acts = [box.diff(request, id, outputs, inputs), box.update(request, id, outputs, inputs)];
    for (const act of [...acts, box.create(request, inputs)]) {
      expect((await failure(act)).message).toBe(`${id} is held`);
    }
    expect(shelf.boxes.size).toBe(0);
  });

  it("goes by the state when the host is away, and warns", async () => {
    const { id, outputs, inputs } = await made();
    shelf.away = true;
    const request = requestOn(shelf, { oldInputs: inputs });
    expect(await box.diff(request, id, outputs, inputs)).toMatchObject({ differences: [], changes: false });
    expect(request.heard.warn.join()).toContain("no answer; the preview goes by the state alone");
    const news = await checked({ title: "t", size: 2 }, inputs);
    const diff = await box.diff(requestOn(shelf, { oldInputs: inputs }), id, outputs, news);
    expect(diff.differences.map(({ path, kind, cost }) => [path[0], kind, cost])).toEqual([
      ["title", "add", "live"],
      ["size", "update", "restart"],
    ]);
  });

  it("is a change with a warning when another host answers", async () => {
    const { id, outputs, inputs } = await made();
    shelf.host = "host-b";
    const request = requestOn(shelf, { oldInputs: inputs });
    expect(await box.diff(request, id, outputs, inputs)).toMatchObject({ replaces: [], changes: true });
    expect(request.heard.warn.join()).toContain("lives on the host host-a");
  });

  it("passes on what is wrong with our own code", async () => {
    const { id, outputs, inputs } = await made();
    box = boxes(shelf, { observe: () => Promise.reject(new TypeError("x is not a function")) });
    expect((await failure(box.diff(requestOn(shelf), id, outputs, inputs))).name).toBe("TypeError");
  });

  it("replaces a box with a name of its own beside the old one, and one with a given name after it", async () => {
    const own = await made({ room: "a" });
    const moved = await checked({ room: "b" }, own.inputs);
    const beside = await box.diff(requestOn(shelf, { oldInputs: own.inputs }), own.id, own.outputs, moved);
    expect(beside).toMatchObject({ replaces: ["room"], deleteBeforeReplace: false, stables: [] });
    const given = await made({ room: "a", name: "given" }).catch(() => undefined);
    expect(given).toBeUndefined();
    shelf.boxes.clear();
    const named = await made({ room: "a", name: "given" });
    const request = requestOn(shelf, { oldInputs: named.inputs });
    const after = await box.diff(request, named.id, named.outputs, await checked({ room: "b", name: "given" }));
    expect(after).toMatchObject({ replaces: ["room"], deleteBeforeReplace: true });
    const renamed = await box.diff(request, named.id, named.outputs, await checked({ room: "b", name: "new" }));
    expect(renamed).toMatchObject({ replaces: ["room"], deleteBeforeReplace: false });
  });

  it("has a new id in the next create after a replace by value", async () => {
    const own = await made({ room: "a" });
    const next = await made({ room: "b" });
    expect(next.id).not.toBe(own.id);
    await box.delete(requestOn(shelf), own.id, own.outputs);
    expect([...shelf.boxes.keys()]).toEqual([next.id]);
  });

  it("is refused where deletionProtection or lost data forbid a replacement", async () => {
    const { id, outputs, inputs } = await made({ room: "a", deletionProtection: true });
    const news = await checked({ room: "b", deletionProtection: true }, inputs);
    const request = requestOn(shelf, { oldInputs: inputs });
    expect((await failure(box.diff(request, id, outputs, news))).message).toMatch(/would be replaced: set it to false/);
    shelf.forbid = "that would destroy bytes";
    const free = { ...outputs, deletionProtection: false };
    expect((await failure(box.diff(request, id, free, news))).message).toBe("that would destroy bytes");
    shelf.forbid = undefined;
    expect((await box.diff(request, id, free, news)).replaces).toEqual(["room"]);
  });

  it("of a replacement that an absent host cannot judge is refused where bytes are at stake, and nowhere else", async () => {
    const { id, outputs, inputs } = await made({ room: "a" });
    const news = await checked({ room: "b" }, inputs);
    const request = requestOn(shelf, { oldInputs: inputs });
    shelf.away = true;
    expect((await box.diff(request, id, outputs, news)).replaces).toEqual(["room"]);
    box = boxes(shelf, { table: { ...table, allowDataLoss: flag({ doc: "" }) } });
    const error = await failure(box.diff(request, id, outputs, news));
    expect(error.message).toMatch(/would be replaced, and its host cannot say whether a guest wrote to it/);
    expect((await box.diff(request, id, outputs, { ...news, allowDataLoss: true })).replaces).toEqual(["room"]);
  });

  it("carries a wish into the state: deletionProtection is a change", async () => {
    const { id, outputs, inputs } = await made();
    const news = await checked({ deletionProtection: true }, inputs);
    const request = requestOn(shelf, { oldInputs: inputs });
    expect(await box.diff(request, id, outputs, news)).toMatchObject({ differences: [], changes: true });
  });
});
