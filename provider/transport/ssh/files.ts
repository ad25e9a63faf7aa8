import type { SFTPWrapper } from "./library";

/** An account on the host. */
export interface Account {
  readonly uid: number;
  readonly home: string;
}

/** What is seen at a path of the host. */
export type Sight = { readonly mode: number; readonly uid: number } | "absent" | "unknown";

const noSuchFile = 2;

/** Whose login it is: the owner of the folder in which it begins. */
export async function accountOf(sftp: SFTPWrapper): Promise<Account> {
  const home = await answer<string>((done) => {
    sftp.realpath(".", done);
  });
  const { uid } = await stat(sftp, home);
  return { uid, home };
}

/** What stands at a path. */
export async function sightOf(sftp: SFTPWrapper, path: string): Promise<Sight> {
  try {
    const { mode, uid } = await stat(sftp, path);
    return { mode, uid };
  } catch (error) {
    return (error as { code?: unknown }).code === noSuchFile ? "absent" : "unknown";
  }
}

function stat(sftp: SFTPWrapper, path: string): Promise<{ mode: number; uid: number }> {
  return answer((done) => {
    sftp.stat(path, done);
  });
}

function answer<T>(ask: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}
