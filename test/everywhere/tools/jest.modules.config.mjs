// Jest's own way for ES modules: node --experimental-vm-modules node_modules/jest/bin/jest.js
export default { testMatch: ["<rootDir>/test/*.test.mjs"], transform: {} };
