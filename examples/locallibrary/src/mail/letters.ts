import type { User } from "../database/schema.ts";

/** An e-mail, as plain text. */
export interface Letter {
  subject: string;
  body: string;
}

export function resetLetter({ name, username }: User, link: string): Letter {
  return {
    subject: "A new password for your library account",
    body: `Dear ${name},

a new password was asked for, for your account at LocalLibrary. If it was you, choose one here:

${link}

Your username is ${username}. The link can be used once, within an hour. If it was not you, do nothing: your password stays as it is.

LocalLibrary`,
  };
}

export function passwordSetLetter({ name }: User, resetPage: string): Letter {
  return {
    subject: "Your password was changed",
    body: `Dear ${name},

your password at LocalLibrary was changed by the link in a letter to this address, and all your devices were signed out. If that was not you, choose a new password at once:

${resetPage}

LocalLibrary`,
  };
}

export function signUpLetter(link: string): Letter {
  return {
    subject: "Your library account",
    body: `Welcome to LocalLibrary.

Choose a name and a password here, and you can borrow books:

${link}

The link can be used once, within an hour. If you did not ask for an account, do nothing: there will be none.

LocalLibrary`,
  };
}

/** For a visitor who signs up with an address that has an account. Only the owner of the address learns that. */
export function alreadySignedUpLetter({ name, username }: User, resetPage: string): Letter {
  return {
    subject: "You have a library account already",
    body: `Dear ${name},

an account at LocalLibrary was asked for with this address. You have one already; its username is ${username}. If you have forgotten the password, ask for a new one here:

${resetPage}

LocalLibrary`,
  };
}
