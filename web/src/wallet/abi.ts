/** The functions of the L1 contracts that a wallet calls; docs/reference/contracts.md describes them. */

import { parseAbi } from "viem";

export const VAULT = parseAbi([
  "function register() payable returns (uint256)",
  "function deposit(uint256 account, address owner, uint256 amount_micros) payable returns (uint256)",
  "function set_key(uint256 account, uint256 slot, uint256 scope, uint256 expiry_s, uint256 x, uint256 y) payable returns (uint256)",
  "function min_deposit_micros() view returns (uint256)",
  "event AccountRegistered(uint256 indexed account, address indexed owner)",
]);

export const TOKEN = parseAbi([
  "function balanceOf(address owner) view returns (uint256)",
  "function allowance(address owner, address spender) view returns (uint256)",
  "function approve(address spender, uint256 amount_micros) returns (bool)",
  "function mint(address owner, uint256 amount_micros)",
]);

export const ROLLUP = parseAbi([
  "function claim(uint256 number, uint256 index, address owner, uint256 amount_micros, bytes32[] proof)",
]);
