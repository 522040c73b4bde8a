/** A wallet on L1: what it holds, what it signs and sends. Fetched when a wallet is connected. */

import {
  type Abi,
  type Account,
  type Address,
  type Chain,
  type Client,
  type ContractFunctionArgs,
  type ContractFunctionName,
  createClient,
  custom,
  type Hex,
  http,
  type LocalAccount,
  parseEventLogs,
  type TransactionReceipt,
  type Transport,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import {
  estimateContractGas,
  getBalance,
  readContract,
  sendTransaction,
  signTypedData,
  simulateContract,
  waitForTransactionReceipt,
  writeContract,
} from "viem/actions";
import { TOKEN, VAULT } from "./abi";
import type { Eip1193 } from "./providers.svelte";

export const DEVELOPMENT_CHAIN = 31_337;
const DEVELOPMENT_WEI = 10n ** 19n;
const POLL_MS = 500;

/** Where the exchange is on L1; miletus/get_deposit. */
export interface Site {
  chain_id: number;
  rollup: Address;
  vault: Address;
  token: Address;
  word_fee_wei: string;
  account_fee_wei: string;
  l1_url: string | null;
}

type Writes = "payable" | "nonpayable";

/** One wallet and its way to L1. */
export class Wallet {
  readonly address: Address;
  readonly #client: Client<Transport, Chain, Account>;

  private constructor(
    readonly site: Site,
    signer: LocalAccount | Address,
    transport: Transport,
  ) {
    const chain = describeChain(site);
    this.#client = createClient({ chain, transport, account: signer, pollingInterval: POLL_MS }) as never;
    this.address = this.#client.account.address;
  }

  /** Connect a browser's wallet. Its user is asked; `isSilent` only takes up what was allowed before. */
  static async connect(provider: Eip1193, site: Site, isSilent: boolean): Promise<Wallet | null> {
    const method = isSilent ? "eth_accounts" : "eth_requestAccounts";
    const [address] = (await provider.request({ method })) as Address[];
    if (!address) return null;
    const wallet = new Wallet(site, address, custom(provider));
    if (!isSilent) await wallet.#choosePlace(provider);
    return wallet;
  }

  /** A key of a development chain. Throws for any other chain, where a key in a page would be worth stealing. */
  static develop(key: Hex, site: Site): Wallet {
    if (site.chain_id !== DEVELOPMENT_CHAIN || !site.l1_url)
      throw new Error("development keys are for development chains only: connect a wallet");
    return new Wallet(site, privateKeyToAccount(key), http(site.l1_url));
  }

  signTypedData(message: object): Promise<Hex> {
    return signTypedData(this.#client, message as never);
  }

  /** Micro-USDC that the wallet holds on L1. */
  getBalance(): Promise<bigint> {
    const { token } = this.site;
    return readContract(this.#client, {
      address: token,
      abi: TOKEN,
      functionName: "balanceOf",
      args: [this.address],
    });
  }

  getAllowance(): Promise<bigint> {
    const { token, vault } = this.site;
    const args = [this.address, vault] as const;
    return readContract(this.#client, { address: token, abi: TOKEN, functionName: "allowance", args });
  }

  getLeastDeposit(): Promise<bigint> {
    const { vault } = this.site;
    return readContract(this.#client, { address: vault, abi: VAULT, functionName: "min_deposit_micros" });
  }

  /** Call a contract, and wait until it is in a block. Throws with the contract's reason if it refuses. */
  async write<const A extends Abi, N extends ContractFunctionName<A, Writes>>(
    address: Address,
    abi: A,
    functionName: N,
    args: ContractFunctionArgs<A, Writes, N>,
    value = 0n,
  ): Promise<TransactionReceipt> {
    const call = { address, abi, functionName, args, value };
    // simulated first, so that a refusal comes with its reason and costs nothing
    const { request } = await simulateContract(this.#client, call as never);
    // what a call has to do may grow until its block comes, as more batches become final: room for that
    const least = await estimateContractGas(this.#client, {
      ...call,
      account: this.#client.account,
    } as never);
    const gas = (least * 3n) / 2n;
    return this.#wait(await writeContract(this.#client, { ...(request as object), gas } as never));
  }

  /** Send a transaction that the gateway made, and wait until it is in a block. */
  async send(to: Address, data: Hex, value: bigint): Promise<TransactionReceipt> {
    return this.#wait(await sendTransaction(this.#client, { to, data, value } as never));
  }

  async #wait(hash: Hex): Promise<TransactionReceipt> {
    const receipt = await waitForTransactionReceipt(this.#client, { hash });
    if (receipt.status !== "success") throw new Error(`transaction ${hash} was reverted: try again`);
    return receipt;
  }

  /** Make an account; its number. */
  async register(): Promise<number> {
    const { vault, account_fee_wei } = this.site;
    const receipt = await this.write(vault, VAULT, "register", [], BigInt(account_fee_wei));
    const [event] = parseEventLogs({ abi: VAULT, eventName: "AccountRegistered", logs: receipt.logs });
    if (!event) throw new Error("L1 registered no account: try again");
    return Number(event.args.account);
  }

  /** ETH for gas, as a development chain gives it to anyone. */
  async fund(): Promise<void> {
    if ((await getBalance(this.#client, { address: this.address })) > 0n) return;
    const params = [this.address, `0x${DEVELOPMENT_WEI.toString(16)}`];
    await this.#client.request({ method: "anvil_setBalance", params } as never);
  }

  /** See that the wallet is on the exchange's L1. */
  async #choosePlace(provider: Eip1193): Promise<void> {
    const { chain_id, l1_url } = this.site;
    const chainId = `0x${chain_id.toString(16)}`;
    if (Number(await provider.request({ method: "eth_chainId" })) === chain_id) return;
    try {
      await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
    } catch (error) {
      if (!l1_url) throw error;
      const chain = describeChain(this.site);
      const { name: chainName, nativeCurrency } = chain;
      const params = [{ chainId, chainName, nativeCurrency, rpcUrls: [l1_url] }];
      await provider.request({ method: "wallet_addEthereumChain", params });
    }
  }
}

export const makeKey = generatePrivateKey;

function describeChain({ chain_id, l1_url }: Site): Chain {
  return {
    id: chain_id,
    name: chain_id === DEVELOPMENT_CHAIN ? "Miletus development L1" : `L1 ${chain_id}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: l1_url ? [l1_url] : [] } },
  };
}
