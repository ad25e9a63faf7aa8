"use strict";

// A real folder beside `exports`, so that every module resolution finds it.
require("../dist/serving/whereabouts").warnWhenMissing(require("../package.json").version);
module.exports = require("../dist/sdk");
