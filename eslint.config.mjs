import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "node_modules", "sdk", "examples", "coverage"] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ["provider/**/*.ts", "test/**/*.ts"] })),
  {
    files: ["provider/**/*.ts", "test/**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in messages are what errors are made of here.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      // A handler that needs no field still takes it: the record of handlers has one shape.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "max-depth": ["error", 3],
      "no-restricted-imports": [
        "error",
        {
          paths: [
            { name: "child_process", message: "The provider starts no program." },
            { name: "node:child_process", message: "The provider starts no program." },
          ],
        },
      ],
    },
  },
  {
    // It starts a session's daemon, as libvirt's own client does, and nothing else.
    files: ["provider/transport/session.ts"],
    rules: { "no-restricted-imports": "off" },
  },
  {
    files: ["test/**/*.ts"],
    rules: { "no-restricted-imports": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
);
