import { fits, fitsList } from "./pattern";
import { ConfigError, type Line, linesIn } from "./words";

/** What is known of a connection before any file is read. */
export interface Asked {
  /** As the URI or ProxyJump names it. */
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly localUser: string;
}

/** The files, as far as the configuration asks for them. */
export interface Files {
  /** The text, or nothing where there is no such file. */
  read(path: string): string | undefined;
  /** The files that an Include names, in order. */
  find(pattern: string, user: boolean): readonly string[];
}

/** A file to begin with; `user` says that relative paths in it start from ~/.ssh. */
export interface Start {
  readonly path: string;
  readonly user: boolean;
}

const deepest = 16;

/** What the configuration says of one host: each keyword's first value counts, as in ssh itself. */
export class Options {
  private readonly lines: Line[] = [];
  private final = false;
  private wantsFinal = false;

  private constructor(
    private readonly asked: Asked,
    private readonly files: Files,
  ) {}

  /** Reads the files as ssh does; throws ConfigError where a line would run a command or makes no sense. */
  static of(asked: Asked, starts: readonly Start[], files: Files): Options {
    const options = new Options(asked, files);
    options.readAll(starts);
    if (options.wantsFinal) {
      options.final = true;
      options.readAll(starts);
    }
    return options;
  }

  /** The words of a keyword's first line. */
  first(...keywords: readonly string[]): Line | undefined {
    return this.lines.find(({ keyword }) => keywords.includes(keyword));
  }

  text(keyword: string): string | undefined {
    return this.first(keyword)?.args[0];
  }

  /** The words of all lines of a keyword that ssh collects. */
  all(keyword: string): string[] {
    return [...new Set(this.lines.filter((line) => line.keyword === keyword).map(({ args }) => args[0] ?? ""))];
  }

  /** The name or address to connect to. */
  get hostname(): string {
    const given = this.text("hostname");
    return given === undefined ? this.asked.host : expand(given, { h: this.asked.host, "%": "%" }, "HostName");
  }

  get user(): string {
    return this.asked.user ?? this.text("user") ?? this.asked.localUser;
  }

  get port(): number {
    if (this.asked.port !== undefined) return this.asked.port;
    const line = this.first("port");
    if (line === undefined) return 22;
    const port = Number(line.args[0]);
    if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
    throw new ConfigError(`${whereabouts(line)}: Port is a number from 1 to 65535`);
  }

  private readAll(starts: readonly Start[]): void {
    for (const { path, user } of starts) {
      const text = this.files.read(path);
      if (text !== undefined) this.readFile(text, path, user, 0);
    }
  }

  private readFile(text: string, path: string, user: boolean, depth: number): void {
    if (depth > deepest) throw new ConfigError(`${path}: Include goes deeper than ${deepest} files: is it a circle?`);
    let active = true;
    for (const line of linesIn(text, path)) {
      if (line.keyword === "host") active = this.isHost(line);
      else if (line.keyword === "match") active = this.matches(line);
      else if (active && line.keyword === "include") this.include(line, user, depth);
      else if (active) this.lines.push(line);
    }
  }

  private include(line: Line, user: boolean, depth: number): void {
    for (const path of line.args.flatMap((pattern) => this.files.find(pattern, user))) {
      const text = this.files.read(path);
      if (text !== undefined) this.readFile(text, path, user, depth + 1);
    }
  }

  private isHost({ args }: Line): boolean {
    const patterns = args.map((arg) => ({ excludes: arg.startsWith("!"), pattern: arg.replace(/^!/, "") }));
    const fitting = patterns.filter(({ pattern }) => fits(this.current, pattern));
    return fitting.length > 0 && !fitting.some(({ excludes }) => excludes);
  }

  /** What Host lines look at: the second reading, for `Match final`, knows the real name. */
  private get current(): string {
    return this.final ? this.hostname : this.asked.host;
  }

  private matches(line: Line): boolean {
    const rest = [...line.args];
    if (rest.length === 0)
      throw new ConfigError(`${whereabouts(line)}: Match needs a criterion, such as \`host NAME\``);
    let matching = true;
    while (rest.length > 0) {
      const [, not, name = "", value] = /^(!?)([^=]*)(?:=(.*))?$/s.exec(rest.shift() ?? "") ?? [];
      const criterion = name.toLowerCase();
      const found = this.flag(criterion) ?? this.compared(line, criterion, value ?? rest.shift(), matching);
      if (found === (not === "!")) matching = false;
    }
    return matching;
  }

  private flag(criterion: string): boolean | undefined {
    if (criterion === "all") return true;
    if (criterion === "canonical") return false; // CanonicalizeHostname is not followed
    if (criterion !== "final") return undefined;
    this.wantsFinal = true;
    return this.final;
  }

  private compared(line: Line, criterion: string, argument: string | undefined, matching: boolean): boolean {
    if (argument === undefined) throw new ConfigError(`${whereabouts(line)}: Match ${criterion} needs a value`);
    const values: Readonly<Record<string, () => string>> = {
      host: () => this.hostname.toLowerCase(),
      originalhost: () => this.asked.host.toLowerCase(),
      user: () => this.user,
      localuser: () => this.asked.localUser,
    };
    const value = values[criterion];
    if (value !== undefined) return fitsList(value(), argument.split(","));
    if (!matching) return false; // as in ssh, what stands behind a miss is not looked at
    const why = criterion === "exec" ? "would run a program" : "is not known here";
    throw new ConfigError(
      `${whereabouts(line)}: Match ${criterion} ${why}: write what it decides with Host or Match host`,
    );
  }
}

export function whereabouts({ file, number }: Line): string {
  return `${file}:${number}`;
}

/** Puts values in for %-tokens; throws ConfigError for a token that is not known. */
export function expand(text: string, tokens: Readonly<Record<string, string>>, keyword: string): string {
  return text.replace(/%(.?)/gs, (_, token: string) => {
    const value = Object.hasOwn(tokens, token) ? tokens[token] : undefined;
    if (value === undefined)
      throw new ConfigError(`the SSH configuration: ${keyword} ${text}: %${token} is not known here`);
    return value;
  });
}
