"use strict";

// The classes of bench/program.mjs over a provider that does nothing: the stub's text stands in the inputs, as in ours.
const pulumi = require("@pulumi/pulumi");

function resource(token) {
  const stub = `exports.handler=()=>require("nothing/dynamic").provider("${token}")`;
  return class extends pulumi.CustomResource {
    constructor(name, args, options) {
      const owner = {
        organization: "organization",
        project: "bench",
        stack: "bench",
        type: `kvm:index:${token}`,
        name,
      };
      super(`pulumi-nodejs:dynamic/nothing:${token}`, name, { ...args, __owner: owner, __provider: stub }, options);
    }
  };
}

exports.Volume = resource("Volume");
exports.Domain = resource("Domain");
