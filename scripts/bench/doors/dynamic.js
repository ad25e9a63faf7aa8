"use strict";

const { serve } = require("../../../dist/serving/dynamic");
const { nothing } = require("./resource");

exports.provider = () => serve(() => nothing);
