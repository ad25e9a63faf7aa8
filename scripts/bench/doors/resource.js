"use strict";

// A resource of ours that agrees with everything and touches nothing: what remains is the door's own work.
const { int, text } = require("../../../dist/fields");

const same = { differences: [], replaces: [], deleteBeforeReplace: false, stables: [], changes: false };

exports.nothing = {
  token: "Nothing",
  table: {
    name: text({ change: "replace", doc: "Name." }),
    size: int({ change: "live", doc: "Size." }),
    uuid: text({ output: true, doc: "UUID." }),
  },
  check: async (_request, _olds, news) => ({ inputs: news, failures: [] }),
  diff: async () => same,
  create: async (_request, inputs) => ({ id: inputs.name, outputs: { ...inputs, uuid: inputs.name } }),
  read: async (_request, id, { name, size, uuid }) => ({ id, inputs: { name, size }, outputs: { name, size, uuid } }),
  update: async (_request, _id, _olds, news) => ({ outputs: news }),
  delete: async () => undefined,
};
