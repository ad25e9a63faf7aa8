"use strict";

// Agrees with everything and touches nothing.
const nothing = {
  check: async (_, inputs) => ({ inputs, failures: [] }),
  diff: async () => ({ changes: false, replaces: [], stables: [], deleteBeforeReplace: false }),
  create: async (inputs) => ({ id: `${inputs.pool ?? "machine"}/${inputs.name}`, outs: inputs }),
  read: async (id, props) => ({ id, props }),
  update: async (_id, _olds, news) => ({ outs: news }),
  delete: async () => undefined,
};

exports.provider = () => nothing;
