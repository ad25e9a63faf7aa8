import { promptIn } from "../../provider/rpc/console";

// What guests and firmwares write after a line end.
describe("the answer of a console", () => {
  it.each([
    ["a shell", "\r\n/ # \x1b[6n", "/ #"],
    [
      "a login prompt",
      "\r\n\r\nDebian GNU/Linux 12 web ttyS0\r\n\r\nweb login: ",
      "Debian GNU/Linux web ttyS web login:",
    ],
    ["a prompt with a clock", "\r\n[12:03:59] root@web:~# ", "[ : : ] root@web:~#"],
  ])("is the prompt of %s", (_, text, words) => {
    expect(promptIn(text)).toBe(words);
  });

  it.each([
    ["nothing", ""],
    ["a bare echo: a kernel that waits for its disk gives it too", "\r\n"],
    ["a kernel's own messages", "[    2.578696] vgaarb: loaded\r\n"],
    ["a boot manager's menu", "\r\n\x1b[24;31HStandard English\x1b[0m"],
    ["the firmware's shell", "\r\nShell> "],
    ["the boot loader's shell", "\r\ngrub> "],
    ["a system that did not find its disk", "\r\n(initramfs) "],
    ["a system in its emergency mode", "\r\nPress Enter for maintenance\r\n(or press Control-D to continue): "],
  ])("is none where it is %s", (_, text) => {
    expect(promptIn(text)).toBeUndefined();
  });
});
