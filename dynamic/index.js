"use strict";

// A real folder beside `exports`, so that every module resolution finds it. States name it: it stays for ever.
module.exports = require("../dist/serving/dynamic");
