/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   a program that calls no function starts without the code behind them */
import * as pulumi from "@pulumi/pulumi";
import type { Args, Values } from "../fields";
import type { LookupName, Lookups } from "../resources";
import { dynamicType, pluginType } from "./hidden";
import type { InputsOf } from "./inputs";

/** The arguments of a function, as plain values. */
export type ArgsOf<K extends LookupName> = Args<Lookups[K]["args"]>;
/** The arguments of a function, as values that may come from resources. */
export type OutputArgsOf<K extends LookupName> = InputsOf<Lookups[K]["args"]>;
/** What a function finds. */
export type ResultOf<K extends LookupName> = Readonly<Args<Lookups[K]["results"]>>;

type Plain<K extends LookupName> = (args?: ArgsOf<K>, opts?: pulumi.InvokeOptions) => Promise<ResultOf<K>>;
type Later<K extends LookupName> = (
  args?: OutputArgsOf<K>,
  opts?: pulumi.InvokeOutputOptions,
) => pulumi.Output<ResultOf<K>>;

/** A function that is asked at once. */
export function plain<K extends LookupName>(name: K): Plain<K> {
  return (args, opts = {}) => {
    if (isWithoutEngine()) return pulumi.runtime.invoke(pluginType(name), { ...args }, opts) as Promise<ResultOf<K>>;
    return held(async () => asked(name, await nowKnown(name, settingsFor(opts)), { ...args }));
  };
}

/** A function that is asked when its arguments are known and the resources behind them exist. */
export function later<K extends LookupName>(name: K): Later<K> {
  return (args, opts = {}) => {
    if (isWithoutEngine()) return pulumi.runtime.invokeOutput<ResultOf<K>>(pluginType(name), { ...args }, opts);
    // How a host is reached may be secret, what it tells is not.
    const given = pulumi.output([{ ...args }, pulumi.unsecret(settingsFor(opts))] as const);
    const before = pulumi.output(opts.dependsOn);
    // A name may be known while a preview has not made what it names: that is unknown, not missing.
    const there = pulumi.output(idsBehind(given, before));
    return pulumi
      .all([given, there, before])
      .apply(([[values, settings]]) => held(() => asked(name, settings as Values, values as Values)));
  };
}

/** A unit test with mocks answers for functions too, and without those Pulumi says what is missing. */
function isWithoutEngine(): boolean {
  return pulumi.runtime.getEngine() === undefined;
}

/** Pulumi must not think that the program is at its end while a function looks. */
async function held<T>(act: () => Promise<T>): Promise<T> {
  const done = pulumi.runtime.rpcKeepAlive();
  try {
    return await act();
  } finally {
    done();
  }
}

async function asked<K extends LookupName>(name: K, settings: Values, args: Values): Promise<ResultOf<K>> {
  const { ask } = require("./asking") as typeof import("./asking");
  return (await ask(name, (key) => settings[key], args)) as ResultOf<K>; // the function's own results
}

/** What names the host: the settings of the provider, else the stack's. */
function settingsFor({ provider, parent }: pulumi.InvokeOptions): pulumi.Output<Values> {
  const chosen = provider ?? parent?.getProvider(dynamicType("Domain"));
  if (chosen === undefined) return pulumi.output(pulumi.runtime.allConfig());
  const settings = "__settings" in chosen ? chosen.__settings : undefined;
  if (pulumi.Output.isInstance<Values>(settings)) return settings;
  throw new Error("the provider is none of pulumi-kvm's: make it with `new kvm.Provider(name, { uri })`");
}

/** What every SDK's outputs have beside what their types tell: copies of different versions read it of each other. */
interface Inner<T> {
  readonly isKnown: Promise<boolean>;
  promise(): Promise<T>;
  allResources?(): Promise<ReadonlySet<pulumi.Resource>>;
}

async function nowKnown(name: LookupName, settings: pulumi.Output<Values>): Promise<Values> {
  const inner = settings as unknown as Inner<Values>;
  if (await inner.isKnown) return inner.promise();
  throw new Error(`${name}: the provider's settings are not known yet: use ${name}Output, which waits for them`);
}

/** The ids of the resources that values come from, and of those that are named as coming before. */
async function idsBehind(
  given: pulumi.Output<unknown>,
  before: pulumi.Output<unknown>,
): Promise<readonly pulumi.Output<pulumi.ID>[]> {
  const [resources, named] = await Promise.all([
    (given as unknown as Inner<unknown>).allResources?.(),
    (before as unknown as Inner<unknown>).promise(),
  ]);
  const first = [named].flat().filter((one) => pulumi.Resource.isInstance(one));
  const all = withChildren([...(resources ?? []), ...first]);
  return [...all].flatMap((one) => (pulumi.CustomResource.isInstance(one) ? [one.id] : []));
}

/** A component exists when all that it is made of does. */
function withChildren(
  resources: Iterable<pulumi.Resource>,
  found = new Set<pulumi.Resource>(),
): ReadonlySet<pulumi.Resource> {
  for (const one of resources) {
    if (found.has(one)) continue;
    found.add(one);
    const { __childResources: children } = one as { readonly __childResources?: Iterable<pulumi.Resource> };
    if (!pulumi.CustomResource.isInstance(one) && children) withChildren(children, found);
  }
  return found;
}
