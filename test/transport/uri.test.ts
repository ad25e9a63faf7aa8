import { parseUri, UriError } from "../../provider/transport";

const reason = (text: string): string => {
  try {
    parseUri(text);
  } catch (error) {
    if (error instanceof UriError) return error.reason;
    throw error;
  }
  return "accepted";
};

describe("a libvirt URI", () => {
  it.each([
    ["qemu:///system", { driver: "qemu", transport: "unix", path: "/system", remoteUri: "qemu:///system" }],
    ["qemu:///session", { driver: "qemu", transport: "unix", path: "/session", remoteUri: "qemu:///session" }],
    ["lxc:///system", { driver: "lxc", transport: "unix", path: "/system", remoteUri: "lxc:///system" }],
    ["lxc:///", { driver: "lxc", transport: "unix", path: "/system", remoteUri: "lxc:///system" }],
    ["xen:///system", { driver: "xen", transport: "unix", path: "/system", remoteUri: "xen:///system" }],
    ["test:///default", { driver: "test", transport: "unix", path: "/default", remoteUri: "test:///default" }],
    ["QEMU+UNIX:///system", { driver: "qemu", transport: "unix", path: "/system", remoteUri: "qemu:///system" }],
    [
      "qemu+ssh://root@vm-1:2222/system",
      { transport: "ssh", user: "root", host: "vm-1", port: 2222, remoteUri: "qemu:///system" },
    ],
    ["qemu+ssh://[fe80::1]/system", { transport: "ssh", host: "fe80::1" }],
    ["qemu+ssh://us%40er@h/session", { user: "us@er", path: "/session" }],
    ["qemu://h/system", { transport: "tls", host: "h" }],
    ["qemu+tcp://127.0.0.1/system", { transport: "tcp", host: "127.0.0.1" }],
    ["qemu+ssh://h/system?name=qemu:///system", { transport: "ssh", remoteUri: "qemu:///system" }],
    ["lxc:///?name=lxc%3A///system", { remoteUri: "lxc:///system" }],
  ])("reads %s", (text, parts) => {
    expect(parseUri(text)).toMatchObject({ text, ...parts });
  });

  it("reads parameters with their escapes", () => {
    const { parameters } = parseUri("qemu+ssh://h/system?keyfile=/k%20ey&sshauth=agent,privkey&proxy=helper&no_tty=1");
    expect([...parameters]).toEqual([
      ["keyfile", "/k ey"],
      ["sshauth", "agent,privkey"],
      ["proxy", "helper"],
      ["no_tty", "1"],
    ]);
    expect(parseUri("qemu+unix:///system?socket=/tmp/sock").parameters.get("socket")).toBe("/tmp/sock");
    expect("user" in parseUri("qemu:///system")).toBe(false);
  });

  it.each([
    ["esx://h/", 'driver "esx" is not supported: use qemu, lxc, xen, test'],
    ["qemu+ext:///system", "would run a program"],
    ["qemu+libssh2://h/system", 'write "ssh"'],
    ["qemu+http://h/system", "use unix, ssh, tls, tcp"],
    ["qemu:///sytem", "use qemu:///system or qemu:///session"],
    ["qemu:///", "use qemu:///system or qemu:///session"],
    ["test:///etc/passwd", "use test:///default"],
    ["qemu+ssh:///system", "needs a host"],
    ["qemu+unix://h/system", "this machine only"],
    ["qemu+ssh://h:99999/system", "not between 1 and 65535"],
    ["qemu+ssh://h/system?command=/bin/sh", "would run a program"],
    ["qemu+ssh://h/system?netcat=nc", "would run a program"],
    ["qemu+ssh://h/system?proxy=netcat", "use proxy=helper"],
    ["qemu+ssh://h/system?no_verify=1", "known_hosts"],
    ["qemu+ssh://h/system?known_hosts_verify=ignore", 'may only be "normal"'],
    ["qemu+ssh://h/system?sshauth=agent,password", "secret settings"],
    ["qemu+ssh://h/system?sshauth=none", "secret settings"],
    ["qemu+tls://h/system?socket=/s", "no meaning with tls"],
    ["qemu+tls://h/system?tls_priority=NORMAL", "is a word of GnuTLS"],
    ["qemu+tcp://[::1]/session", "use qemu+tcp://[::1]/system, or qemu+ssh://user@[::1]/session"],
    ["qemu:///system?socket=sock", "absolute path"],
    ["qemu:///system?socket=/a&socket=/b", "stands twice"],
    ["qemu:///system?name=qemu%2Bext:///system%3Fcommand=x", 'parameter "name" may only be qemu:///system'],
    ["qemu:///system?name=qemu+ssh://other/system", "may only be qemu:///system"],
    ["qemu:///system?name=lxc:///system", "may only be qemu:///system"],
    ["qemu:///system?name=qemu:///session", "may only be qemu:///system"],
    ["qemu:///session?name=", "may only be qemu:///session"],
    ["qemu+ssh://h/system?name=QEMU:///system", "may only be qemu:///system"],
    ["qemu:///system?constructor=1", "is not known"],
    ["qemu:///system?name=%zz", "broken %-escape"],
    ["qemu:///system?socket=/a%00b", "control character"],
    ["qemu:///system#x", "is no libvirt URI"],
    ["qemu: ///system", "no blanks"],
    ["", "is no libvirt URI"],
  ])("refuses %s with the remedy", (text, remedy) => {
    expect(reason(text)).toContain(remedy);
  });

  it.each([
    "qemu+ssh://user:hunter2@h/system",
    "qemu+ssh://user%3ahunter2@h/system",
    "qemu+ssh://user:hunter2@h/sys tem",
    "qemu+ssh://user:hunter2/x@h/system",
    "nonsense://user:hunter2@h",
    "qemu+ssh://h/system?password=hunter2",
    "qemu+ssh://h/system?name=qemu://u:hunter2@h/system",
    "qemu+ssh://h/system?keyfile=a&keyfile=hunter2",
  ])("never repeats a secret: %s", (text) => {
    expect(reason(text)).not.toContain("hunter2");
    expect(reason(text)).not.toBe("accepted");
  });
});
